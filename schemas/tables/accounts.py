"""The register of bank accounts (账户登记簿): only approved versions pay or are paid."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, String, Table, UniqueConstraint, text

from schemas.tables.base import Moment, metadata

bank_account = Table(
    "bank_account",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("city", String(32), nullable=False),
    Column("fund", String(32), nullable=False),
    Column("unit", String(32), nullable=False),
    Column("account_type", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("account_no", String(64), nullable=False),
    Column("account_name", String(200), nullable=False),
    Column("bank_name", String(200), nullable=False),
    Column("status", String(16), nullable=False),
    Column("maker", String(64), nullable=False),
    Column("proposed_at", Moment, nullable=False),
    Column("checker", String(64)),
    Column("approved_at", Moment),
    Column("usable_from", Moment),
    Column("seal", String(64)),
    UniqueConstraint("city", "fund", "unit", "account_type", "version"),
    CheckConstraint("status in ('proposed', 'approved', 'retired')", name="status"),
    CheckConstraint("checker is null or checker <> maker", name="maker_is_not_checker"),
    CheckConstraint("status = 'proposed' or checker is not null", name="approved_by_somebody"),
    CheckConstraint("account_no <> '' and account_name <> ''", name="named"),
    Index(
        "uq_bank_account_one_approved",
        "city",
        "fund",
        "unit",
        "account_type",
        unique=True,
        sqlite_where=text("status = 'approved'"),
        postgresql_where=text("status = 'approved'"),
    ),
    Index("ix_bank_account_account_no", "account_no"),
)
