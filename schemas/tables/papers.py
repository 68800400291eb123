"""The register of papers' numbers: which content bears which number and edition."""

from sqlalchemy import Column, Integer, String, Table, UniqueConstraint

from schemas.tables.base import Moment, metadata

paper_numbers = Table(
    "paper_numbers",
    metadata,
    Column("city", String(32), primary_key=True),
    Column("kind", String(32), primary_key=True),
    # The year of issue, in which numbers run from 1.
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("serial", Integer, primary_key=True, autoincrement=False),
    Column("edition", Integer, primary_key=True, autoincrement=False),
    Column("period", String(7), nullable=False),
    # A county's code, an account, the number of an application; empty where the month alone says it.
    Column("subject", String(96), nullable=False),
    Column("content_digest", String(64), nullable=False),
    Column("issued_at", Moment, nullable=False),
    # Two processes that number the same paper at once cannot give it two numbers.
    UniqueConstraint("city", "kind", "period", "subject", "edition"),
)
