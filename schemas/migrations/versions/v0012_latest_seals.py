"""The seal that every sealed row bore last is kept beside it, to tell a row that was put back or deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create the table; ``adapters/stores/migrations`` takes the seals of the rows that stand already into it."""
    op.create_table(
        "latest_seal",
        sa.Column("table_name", sa.String(length=32), nullable=False),
        sa.Column("place", sa.String(length=80), nullable=False),
        sa.Column("row_key", sa.String(length=200), nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("table_name", "place", "row_key", name=op.f("pk_latest_seal")),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("latest_seal")
