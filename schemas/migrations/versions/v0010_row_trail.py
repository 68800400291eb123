"""Every row that a transaction writes is recorded in a sealed trail."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the trail; the rows that stand already are taken into it by ``fundpool init``, which has the key."""
    op.create_table(
        "row_trail",
        sa.Column("number", _BIG, autoincrement=False, nullable=False),
        sa.Column("audit_number", _BIG, nullable=False),
        sa.Column("audit_hash", sa.String(length=64), nullable=False),
        sa.Column("rows", sa.Text(), nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_row_trail")),
    )


def downgrade() -> None:
    """Drop the trail."""
    op.drop_table("row_trail")
