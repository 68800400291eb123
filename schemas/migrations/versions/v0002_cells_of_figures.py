"""Where every figure stands in its file, and which versions a filed summary was built from."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; rows from before keep none, the kept file itself still says where they stood."""
    op.add_column("submission_figures", sa.Column("sheet", sa.String(length=255), nullable=True))
    op.add_column("submission_figures", sa.Column("cell", sa.String(length=16), nullable=True))
    op.add_column("filings", sa.Column("sources", sa.Text(), nullable=True))


def downgrade() -> None:
    """Drop them again."""
    op.drop_column("filings", "sources")
    op.drop_column("submission_figures", "cell")
    op.drop_column("submission_figures", "sheet")
