"""Notices to units and supervisors beside those to the operators, and the log of telephone calls."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the column, null for every notice that stands: they went to the operators; create the table."""
    op.add_column("notices", sa.Column("recipient", sa.String(length=48)))
    op.create_table(
        "calls",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("duty", sa.String(length=48), nullable=False),
        sa.Column("unit", sa.String(length=48), nullable=False),
        sa.Column("spoken_with", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("called_by", sa.String(length=64), nullable=False),
        sa.Column("called_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calls")),
    )
    op.create_index("ix_calls_city_called_at", "calls", ["city", "called_at"])


def downgrade() -> None:
    """Drop the table and the column."""
    op.drop_table("calls")
    op.drop_column("notices", "recipient")
