"""Received bytes are kept in the database, where every worker reaches them and every backup has them."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the column; what was received before stays in the files of HOME/files."""
    op.add_column("raw_files", sa.Column("content", sa.LargeBinary()))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("raw_files", "content")
