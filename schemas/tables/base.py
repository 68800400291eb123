"""Shared metadata and column types of all tables."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Integer, MetaData, String, Table, TypeDecorator
from sqlalchemy.engine import Dialect

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def stored_moment(moment: datetime) -> str:
    """How a moment is stored: UTC ISO text. Raises ValueError for a moment without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a stored moment must carry its time zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


class Moment(TypeDecorator[datetime]):
    """An aware datetime, stored as UTC ISO text so that both databases sort and compare alike."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        return None if value is None else stored_moment(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


writers_turn = Table("writers_turn", metadata, Column("id", Integer, primary_key=True))
"""Holds no rows: on PostgreSQL a writer locks it for the length of its transaction."""
