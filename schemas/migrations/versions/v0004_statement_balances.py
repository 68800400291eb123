"""Balances that banks state, and receipts on statements matched with booked income."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "statement_balance",
        sa.Column("account_no", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("closing_fen", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("recorded_by", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("account_no", "day", name=op.f("pk_statement_balance")),
    )
    op.create_table(
        "receipt_match",
        sa.Column("statement_line_id", sa.Integer(), nullable=False),
        sa.Column("posting_key", sa.String(length=300), nullable=False),
        sa.Column("rule", sa.String(length=16), nullable=False),
        sa.Column("matched_by", sa.String(length=64), nullable=False),
        sa.Column("matched_at", sa.String(length=32), nullable=False),
        sa.CheckConstraint(
            "rule in ('reference', 'amount_and_day', 'person')", name=op.f("ck_receipt_match_rule")
        ),
        sa.ForeignKeyConstraint(
            ["statement_line_id"], ["statement_line.id"], name=op.f("fk_receipt_match_statement_line_id")
        ),
        sa.PrimaryKeyConstraint("statement_line_id", name=op.f("pk_receipt_match")),
        sa.UniqueConstraint("posting_key", name=op.f("uq_receipt_match_posting_key")),
    )
