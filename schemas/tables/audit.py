"""The audit trail: one chained record per change, sealed in the transaction of the change."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, UniqueConstraint

from schemas.tables.base import Moment, metadata

audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("before_digest", String(64)),
    Column("after_digest", String(64)),
    Column("detail", Text, nullable=False),
    Column("reason", Text),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("previous_hash"),
    Index("ix_audit_subject", "subject"),
)
