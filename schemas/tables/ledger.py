"""The books: accounts, vouchers (凭证) and their postings (分录), month locks.

Rows are never edited, except an account's running balance, which ``fundpool ledger verify``
recomputes from the postings.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from schemas.tables.base import Moment, metadata

_BIG = BigInteger().with_variant(Integer, "sqlite")


def _unique_where_set(name: str, *columns: str) -> Index:
    """A unique index of the rows whose first column is set."""
    is_set = text(f"{columns[0]} is not null")
    return Index(name, *columns, unique=True, sqlite_where=is_set, postgresql_where=is_set)


ledger_account = Table(
    "ledger_account",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("city", String(32), nullable=False),
    Column("fund", String(32), nullable=False),
    Column("type", String(32), nullable=False),
    Column("unit", String(32), nullable=False),
    Column("detail", String(64), nullable=False),
    Column("is_cash", Integer, nullable=False),
    Column("posted_fen", BigInteger, nullable=False),
    Column("reserved_fen", BigInteger, nullable=False),
    Column("overdraft_evidence", String(200)),
    UniqueConstraint("city", "fund", "type", "unit", "detail"),
    CheckConstraint("reserved_fen >= 0", name="reserved_not_negative"),
    CheckConstraint(
        "is_cash = 0 or posted_fen >= 0 or overdraft_evidence is not null", name="cash_not_negative"
    ),
)

voucher = Table(
    "voucher",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("city", String(32), nullable=False),
    Column("fund", String(32), nullable=False),
    Column("number", Integer, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("lines", Integer, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    # Numbers run without a gap per city and fund; two writers cannot take the same one.
    UniqueConstraint("city", "fund", "number"),
    # Balances as of a moment take what was recorded after it off the running ones.
    Index("ix_voucher_recorded_at", "recorded_at"),
)

posting = Table(
    "posting",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("voucher_id", _BIG, ForeignKey("voucher.id"), nullable=False),
    Column("line", Integer, nullable=False),
    Column("key", String(300), nullable=False, unique=True),
    Column("debit_id", Integer, ForeignKey("ledger_account.id"), nullable=False),
    Column("credit_id", Integer, ForeignKey("ledger_account.id"), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("flow", String(32), nullable=False),
    Column("phase", String(8), nullable=False),
    Column("event_at", Moment, nullable=False),
    Column("month", String(7), nullable=False),
    Column("adjusts_month", String(7)),
    Column("resolves", String(300)),
    Column("reverses", String(300)),
    Column("attempt_key", String(64)),
    Column("leg", String(16)),
    Column("memo", Text, nullable=False),
    UniqueConstraint("voucher_id", "line"),
    CheckConstraint("amount_fen > 0", name="amount_positive"),
    CheckConstraint("debit_id <> credit_id", name="two_accounts"),
    CheckConstraint("phase in ('direct', 'reserve', 'post', 'void')", name="phase"),
    CheckConstraint("(phase in ('post', 'void')) = (resolves is not null)", name="resolves_a_reserve"),
    # Most postings resolve, reverse and belong to nothing: these indexes do not list them.
    _unique_where_set("uq_posting_resolves", "resolves"),
    _unique_where_set("uq_posting_reverses", "reverses"),
    _unique_where_set("uq_posting_attempt_key_leg", "attempt_key", "leg"),
)

month_lock = Table(
    "month_lock",
    metadata,
    Column("city", String(32), primary_key=True),
    Column("fund", String(32), primary_key=True),
    Column("month", String(7), primary_key=True),
    Column("closed_at", Moment, nullable=False),
    Column("closed_by", String(64), nullable=False),
    Column("head_hash", String(64), nullable=False),
)
