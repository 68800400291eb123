"""What came in from the counties: raw files, receipts, versions, figures, judgements, findings."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from schemas.tables.base import Moment, metadata

raw_files = Table(
    "raw_files",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("stored_at", Moment, nullable=False),
    # The received bytes; null where a release before 0.2 kept them in a file of HOME/files.
    Column("content", LargeBinary),
)

# What the parser found in a raw file, kept when the file is read: judging and whatever else needs the
# cells later loads them. The raw bytes stay the evidence: cells without their seal are parsed again.
file_cells = Table(
    "file_cells",
    metadata,
    Column("sha256", ForeignKey("raw_files.sha256"), primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("seal", String(64), nullable=False),
)

received_files = Table(
    "received_files",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("city", String(32), nullable=False),
    Column("document", String(32), nullable=False),
    Column("sha256", ForeignKey("raw_files.sha256"), nullable=False),
    Column("file_name", String(255), nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("received_from", String(64), nullable=False),
    Column("declared_county", String(16)),
    Column("declared_month", String(7)),
    Column("state", String(16), nullable=False),
    Column("problem_code", String(64)),
    Column("problem_zh", Text),
    Column("problem_en", Text),
    Column("remedy", Text),
    # The same bytes are one submission, however often and by whichever door they come.
    UniqueConstraint("city", "document", "sha256"),
    CheckConstraint("state IN ('received', 'read', 'unreadable', 'refused')", name="state"),
    CheckConstraint("state NOT IN ('unreadable', 'refused') OR problem_zh IS NOT NULL", name="problem"),
)

submissions = Table(
    "submissions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("file_id", ForeignKey("received_files.id"), nullable=False),
    Column("city", String(32), nullable=False),
    Column("document", String(32), nullable=False),
    Column("county", String(16), nullable=False),
    # The period: 2026-10, or 2026 of a yearly document.
    Column("month", String(7), nullable=False),
    Column("version", Integer, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("submitted_by", String(64), nullable=False),
    Column("verdict", String(8)),
    Column("judged_at", Moment),
    Column("returned_at", Moment),
    Column("returned_by", String(64)),
    Column("return_reason", Text),
    UniqueConstraint("city", "document", "county", "month", "version"),
    UniqueConstraint("file_id", "county", "month"),
    CheckConstraint("version >= 1", name="version"),
    CheckConstraint("verdict IN ('pass', 'review', 'return')", name="verdict"),
    Index(None, "city", "month"),
)

submission_figures = Table(
    "submission_figures",
    metadata,
    Column("submission_id", ForeignKey("submissions.id"), primary_key=True),
    Column("fund", String(32), primary_key=True),
    # Voucher, account or level of a list's row; "" where there is one row per fund.
    Column("line", String(64), primary_key=True, server_default=""),
    Column("field", String(48), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("amount_fen", BigInteger),
    # Where the figure stands in the county's file; null in rows from before this was kept.
    Column("sheet", String(255)),
    Column("cell", String(16)),
)

judgements = Table(
    "judgements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("submission_id", ForeignKey("submissions.id"), nullable=False, index=True),
    Column("judged_at", Moment, nullable=False),
    Column("verdict", String(8), nullable=False),
    Column("declared", Integer, nullable=False),
    Column("evaluated", Integer, nullable=False),
    # Findings as the checks gave them, in order (JSON list of domain Finding fields).
    Column("findings", Text, nullable=False),
    Column("is_current", Boolean, nullable=False),
)
# One judgement counts per submission; earlier ones stay for the record.
Index(
    "ux_judgements_current",
    judgements.c.submission_id,
    unique=True,
    sqlite_where=judgements.c.is_current,
    postgresql_where=judgements.c.is_current,
)
