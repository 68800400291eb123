"""The seal that every sealed row bore when the program wrote it last."""

from sqlalchemy import Column, String, Table

from schemas.tables.base import metadata

latest_seal = Table(
    "latest_seal",
    metadata,
    # Of a table's rows those that are looked at together, so that one that is gone is missed.
    Column("table_name", String(32), primary_key=True),
    Column("place", String(80), primary_key=True),
    # The row's primary key, a JSON list.
    Column("row_key", String(200), primary_key=True),
    Column("seal", String(64), nullable=False),
)
