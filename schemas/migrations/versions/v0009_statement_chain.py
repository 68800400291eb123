"""What chains an account's statements: opening balances and numbers; and the other party's account of a line."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns; what was stored before knows none of them."""
    op.add_column("statement_line", sa.Column("counterparty_account", sa.String(length=64), nullable=True))
    op.add_column("statement_day", sa.Column("sequence", sa.Integer(), nullable=True))
    op.add_column("statement_balance", sa.Column("opening_fen", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Drop them again."""
    op.drop_column("statement_balance", "opening_fen")
    op.drop_column("statement_day", "sequence")
    op.drop_column("statement_line", "counterparty_account")
