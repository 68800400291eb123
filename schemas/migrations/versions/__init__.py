"""One module per step; ``alembic`` follows ``down_revision``."""
