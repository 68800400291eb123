"""The trail of rows: what every transaction that wrote something left in the tables it wrote to."""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from schemas.tables.base import metadata

_BIG = BigInteger().with_variant(Integer, "sqlite")

row_trail = Table(
    "row_trail",
    metadata,
    Column("number", _BIG, primary_key=True, autoincrement=False),
    # The last audit record when the transaction ended: where the audit trail must go on to.
    Column("audit_number", _BIG, nullable=False),
    Column("audit_hash", String(64), nullable=False),
    # JSON list of [table, key, digest before or null, digest and column marks after or null].
    Column("rows", Text, nullable=False),
    # Keyed, over the record and the seal before it: whoever only writes to the database cannot make one.
    Column("seal", String(64), nullable=False),
)
