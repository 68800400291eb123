"""Accounts of the people who work here, their sessions, and the tokens of their programs."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from fundpool.domain.rights import Role
from schemas.tables.base import Moment, metadata

user_account = Table(
    "user_account",
    metadata,
    Column("name", String(64), primary_key=True),
    # One: every pair of roles is forbidden on one account.
    Column("role", String(16), nullable=False),
    # Null: every city that runs here.
    Column("city", String(32)),
    Column("county", String(32)),
    Column("password_hash", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("disabled_at", Moment),
    Column("failed_logins", Integer, nullable=False),
    Column("locked_until", Moment),
    Column("seal", String(64)),
    CheckConstraint(f"role in ({', '.join(repr(role.value) for role in Role)})", name="role"),
    CheckConstraint("(role = 'county_submit') = (county is not null)", name="county_of_county"),
    CheckConstraint("county is null or city is not null", name="county_in_city"),
)

user_session = Table(
    "user_session",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("account", String(64), ForeignKey("user_account.name"), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("last_seen_at", Moment, nullable=False),
    Column("seal", String(64)),
    Index("ix_user_session_account", "account"),
)

api_token = Table(
    "api_token",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("account", String(64), ForeignKey("user_account.name"), nullable=False),
    Column("label", String(64), nullable=False),
    Column("issued_at", Moment, nullable=False),
    Column("issued_by", String(64), nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("revoked_at", Moment),
    Column("seal", String(64)),
    UniqueConstraint("account", "label"),
)
