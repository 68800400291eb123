"""What was chosen at ``fundpool init``, and which release brought the tables to which revision."""

from sqlalchemy import CheckConstraint, Column, Integer, String, Table, Text

from schemas.tables.base import Moment, metadata

REVISION = "0019"
"""The revision of the tables that this version reads and writes; it reads and writes no other."""

installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("is_sandbox", Integer, nullable=False),
    Column("cities", Text, nullable=False),
    Column("decided_at", Moment, nullable=False),
    Column("seal", String(64)),
    CheckConstraint("id = 1", name="only_one"),
    CheckConstraint("is_sandbox in (0, 1)", name="is_sandbox"),
)

release = Table(
    "release",
    metadata,
    Column("revision", String(32), primary_key=True),
    Column("version", String(64), nullable=False),
)
"""For an older program, which does not know the revision, to say which version it takes."""
