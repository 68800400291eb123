"""A county may be let off filing a document, by a document of the city: a nil return with its number."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add who approved the waiver by which document; null for what a county declared itself."""
    op.add_column("nil_returns", sa.Column("document_number", sa.String(length=64), nullable=True))
    op.add_column("nil_returns", sa.Column("approver", sa.String(length=64), nullable=True))


def downgrade() -> None:
    """Drop them again."""
    op.drop_column("nil_returns", "approver")
    op.drop_column("nil_returns", "document_number")
