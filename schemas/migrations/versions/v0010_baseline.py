"""The baseline: the tables that fundpool 0.2.0 began with, reached before it by ten revisions.

Nothing is created here. A new database gets the tables of ``schemas.tables`` at once and the number of the
newest revision; only a database that stands at an earlier one is led through the revisions after it.
"""

revision = "0010"
down_revision = None


def upgrade() -> None:
    """Nothing: no database stands before the baseline."""
