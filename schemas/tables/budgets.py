"""Annual budgets, and the figures of the month before the first one kept here."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, String, Table

from schemas.tables.base import Moment, metadata

budgets = Table(
    "budgets",
    metadata,
    Column("city", String(32), primary_key=True),
    Column("year", Integer, primary_key=True),
    Column("county", String(16), primary_key=True),
    Column("fund", String(32), primary_key=True),
    # 1, 2, …: a budget adjustment is a new revision under its own document number.
    Column("revision", Integer, primary_key=True),
    Column("amount_fen", BigInteger, nullable=False),
    Column("document_number", String(64), nullable=False),
    Column("recorded_by", String(64), nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("seal", String(64)),
    CheckConstraint("amount_fen >= 0", name="amount"),
)

openings = Table(
    "openings",
    metadata,
    Column("city", String(32), primary_key=True),
    Column("month", String(7), primary_key=True),
    Column("county", String(16), primary_key=True),
    Column("fund", String(32), primary_key=True),
    Column("closing_fen", BigInteger, nullable=False),
    # Null: not known, so the checks that need it do not apply.
    Column("spending_fen", BigInteger),
    Column("year_spending_fen", BigInteger),
    Column("year_paid_fen", BigInteger),
    Column("recorded_by", String(64), nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("seal", String(64)),
)
