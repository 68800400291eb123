"""People log in: their accounts, each with one role, and their sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_MOMENT = sa.String(length=32)
_ROLES = "'county_submit', 'maker', 'checker', 'releaser', 'auditor', 'sec_admin', 'sys_admin'"


def upgrade() -> None:
    """Create the tables; until somebody is entered a real installation lets nobody act."""
    op.create_table(
        "user_account",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("city", sa.String(length=32)),
        sa.Column("county", sa.String(length=32)),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("disabled_at", _MOMENT),
        sa.Column("failed_logins", sa.Integer(), nullable=False),
        sa.Column("locked_until", _MOMENT),
        sa.Column("seal", sa.String(length=64)),
        sa.CheckConstraint(f"role in ({_ROLES})", name=op.f("ck_user_account_role")),
        sa.CheckConstraint(
            "(role = 'county_submit') = (county is not null)", name=op.f("ck_user_account_county_of_county")
        ),
        sa.CheckConstraint("county is null or city is not null", name=op.f("ck_user_account_county_in_city")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_user_account")),
    )
    op.create_table(
        "user_session",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT),
        sa.Column("last_seen_at", _MOMENT, nullable=False),
        sa.Column("seal", sa.String(length=64)),
        sa.ForeignKeyConstraint(["account"], ["user_account.name"], name=op.f("fk_user_session_account")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_user_session")),
    )
    op.create_index("ix_user_session_account", "user_session", ["account"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("user_session")
    op.drop_table("user_account")
