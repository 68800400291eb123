"""Papers that officials sign bear a number: the register of what content bears which."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "paper_numbers",
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("serial", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("edition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("subject", sa.String(length=96), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("issued_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("city", "kind", "year", "serial", "edition", name=op.f("pk_paper_numbers")),
        sa.UniqueConstraint(
            "city", "kind", "period", "subject", "edition",
            name=op.f("uq_paper_numbers_city_kind_period_subject_edition"),
        ),
    )  # fmt: skip


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("paper_numbers")
