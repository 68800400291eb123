"""Tokens by which programs come in as an account."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Create the table."""
    moment = sa.String(length=32)
    op.create_table(
        "api_token",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("issued_at", moment, nullable=False),
        sa.Column("issued_by", sa.String(length=64), nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("revoked_at", moment),
        sa.Column("seal", sa.String(length=64)),
        sa.ForeignKeyConstraint(["account"], ["user_account.name"], name=op.f("fk_api_token_account")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_api_token")),
        sa.UniqueConstraint("account", "label", name=op.f("uq_api_token_account_label")),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("api_token")
