"""The city's applications to finance and finance's figure per county."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from schemas.tables.base import Moment, metadata

applications = Table(
    "applications",
    metadata,
    Column("city", String(32), primary_key=True),
    Column("month", String(7), primary_key=True),
    Column("fund", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("prepared_by", String(64), nullable=False),
    Column("prepared_at", Moment, nullable=False),
    CheckConstraint("number >= 1", name="number"),
)

application_lines = Table(
    "application_lines",
    metadata,
    Column("city", String(32), primary_key=True),
    Column("month", String(7), primary_key=True),
    Column("fund", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("county", String(16), primary_key=True),
    Column("prepared_by", String(64), nullable=False),
    Column("applied_fen", BigInteger, nullable=False),
    Column("reviewed_fen", BigInteger),
    Column("reason", Text),
    Column("reviewed_by", String(64)),
    Column("reviewed_at", Moment),
    Column("seal", String(64)),
    ForeignKeyConstraint(
        ["city", "month", "fund", "number"],
        ["applications.city", "applications.month", "applications.fund", "applications.number"],
    ),
    # A county's plan is applied for once: a second line would pay the month twice.
    UniqueConstraint("city", "month", "fund", "county"),
    CheckConstraint("applied_fen >= 0", name="applied"),
    CheckConstraint("reviewed_fen IS NULL OR (reviewed_fen BETWEEN 0 AND applied_fen)", name="reviewed"),
    CheckConstraint("(reviewed_fen IS NULL) = (reviewed_by IS NULL)", name="reviewer"),
    CheckConstraint("reviewed_by IS NULL OR lower(reviewed_by) <> lower(prepared_by)", name="two_people"),
    CheckConstraint(
        "reviewed_fen IS NULL OR reviewed_fen = applied_fen OR reason IS NOT NULL", name="cut_reason"
    ),
)
