"""What the parser found in a file is kept when the file is read."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Create the table; files that were read before have no row and are parsed again when they are needed."""
    op.create_table(
        "file_cells",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["raw_files.sha256"], name=op.f("fk_file_cells_sha256")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_file_cells")),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("file_cells")
