"""What an installation is, and which release wrote its tables, stand in the database."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Create the tables; without a row an installation is real, and every city in force runs in it."""
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("is_sandbox", sa.Integer(), nullable=False),
        sa.Column("cities", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.String(length=32), nullable=False),
        sa.Column("seal", sa.String(length=64)),
        sa.CheckConstraint("id = 1", name=op.f("ck_installation_only_one")),
        sa.CheckConstraint("is_sandbox in (0, 1)", name=op.f("ck_installation_is_sandbox")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.create_table(
        "release",
        sa.Column("revision", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_release")),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("release")
    op.drop_table("installation")
