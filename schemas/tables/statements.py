"""What banks state as balances, and which booked income a statement's receipts were found to be."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, String, Table

from schemas.tables.base import Moment, metadata

statement_balance = Table(
    "statement_balance",
    metadata,
    Column("account_no", String(64), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("closing_fen", BigInteger, nullable=False),
    Column("source", String(200), nullable=False),
    Column("recorded_by", String(64), nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("opening_fen", BigInteger),
)

receipt_match = Table(
    "receipt_match",
    metadata,
    Column("statement_line_id", Integer, ForeignKey("statement_line.id"), primary_key=True),
    # One booking explains one receipt: a second claim on it is refused here too.
    Column("posting_key", String(300), nullable=False, unique=True),
    Column("rule", String(16), nullable=False),
    Column("matched_by", String(64), nullable=False),
    Column("matched_at", Moment, nullable=False),
    CheckConstraint("rule in ('reference', 'amount_and_day', 'person')", name="rule"),
)
