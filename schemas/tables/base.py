"""Shared metadata and column types of all tables."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
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

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """Overridden whole: a page reads ten thousand moments, and SQLAlchemy's own one wraps each in two calls."""
        return _moment_of


@lru_cache(maxsize=4096)
def _moment_of(stored: str | None) -> datetime | None:
    """A batch's rows were written at few moments: most are known already."""
    return None if stored is None else datetime.fromisoformat(stored)


writers_turn = Table("writers_turn", metadata, Column("id", Integer, primary_key=True))
"""Holds no rows: on PostgreSQL a writer locks it for the length of its transaction."""
