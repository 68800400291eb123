"""A fund whose books were put back from a backup is recovered before it may be started again."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "recovery",
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("fund", sa.String(length=32), nullable=False),
        sa.Column("opened_at", sa.String(length=32), nullable=False),
        sa.Column("since", sa.String(length=10), nullable=False),
        sa.Column("keys_open", sa.Integer(), nullable=True),
        sa.Column("days_open", sa.Integer(), nullable=True),
        sa.Column("first_open", sa.String(length=128), nullable=True),
        sa.Column("confirmed_by", sa.String(length=64), nullable=True),
        sa.Column("second_by", sa.String(length=64), nullable=True),
        sa.Column("finished_at", sa.String(length=32), nullable=True),
        sa.CheckConstraint(
            "second_by is null or second_by <> confirmed_by",
            name=op.f("ck_recovery_confirmed_by_two_people"),
        ),
        sa.CheckConstraint(
            "finished_at is null or second_by is not null or (keys_open = 0 and days_open = 0)",
            name=op.f("ck_recovery_finished_by_answers_or_two_people"),
        ),
        sa.PrimaryKeyConstraint("city", "fund", name=op.f("pk_recovery")),
    )


def downgrade() -> None:
    """Drop it again."""
    op.drop_table("recovery")
