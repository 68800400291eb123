"""Review cases: what was asked, what was decided, by which two people."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, String, Table, Text

from schemas.tables.base import Moment, metadata

review_cases = Table(
    "review_cases",
    metadata,
    Column("city", String(32), primary_key=True),
    Column("month", String(7), primary_key=True),
    Column("document", String(32), primary_key=True),
    Column("county", String(16), primary_key=True),
    Column("fund", String(32), primary_key=True),
    Column("submission_id", ForeignKey("submissions.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("requested_fen", BigInteger, nullable=False),
    Column("proposed_fen", BigInteger),
    Column("approved_fen", BigInteger),
    Column("reason", Text),
    Column("maker", String(64)),
    Column("proposed_at", Moment),
    Column("checker", String(64)),
    Column("decided_at", Moment),
    CheckConstraint(
        "state IN ('ready', 'findings', 'proposed', 'approved', 'cut', 'accepted', 'returned')", name="state"
    ),
    CheckConstraint("maker IS NULL OR checker IS NULL OR lower(maker) <> lower(checker)", name="two_people"),
    CheckConstraint(
        "state NOT IN ('approved', 'cut') OR (maker IS NOT NULL AND checker IS NOT NULL)", name="checker"
    ),
    # What asks for money, and the budget that money is held against, is decided by two people.
    CheckConstraint(
        "state <> 'accepted' OR document NOT IN ('plan', 'working-capital', 'annual-budget')",
        name="accepted_by_checks",
    ),
    CheckConstraint(
        "(approved_fen IS NOT NULL) = (state IN ('approved', 'cut', 'accepted'))", name="approved_decided"
    ),
    CheckConstraint("approved_fen IS NULL OR approved_fen <= requested_fen", name="approved_requested"),
    CheckConstraint("state <> 'cut' OR reason IS NOT NULL", name="cut_reason"),
)
