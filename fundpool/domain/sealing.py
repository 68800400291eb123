"""Keyed seals of what people decided: somebody who can write to the database cannot make one.

A seal is an HMAC-SHA-256 (RFC 2104) over every field of a record. The key lies beside the gateway's
secret, never in the database, so that a changed amount, account or decision no longer bears its seal.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

from fundpool.domain.ledger import moment_text

R = TypeVar("R")

_PLAIN = frozenset({str, int, type(None)})

_NOT_SEALED = frozenset({"id", "seal"})
"""A record is known by its business key; its row number exists only after it was stored."""


@cache
def _sealed_fields(kind: Any) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind) if each.name not in _NOT_SEALED)


@cache
def _sealed_values(kind: Any) -> Callable[[Any], tuple[object, ...]]:
    """Reads what is sealed off a record; every kind has several such fields."""
    return attrgetter(*_sealed_fields(kind))


class Seals:
    """Makes and checks seals with one key, which is read when it is first needed."""

    def __init__(self, key: Callable[[], bytes]) -> None:
        """``key`` raises InputError where the installation has none."""
        self._read_key = key
        self._key: bytes | None = None

    def of_values(self, *values: object) -> str:
        """Seal of some values in their order, 64 hex digits."""
        if self._key is None:
            self._key = self._read_key()
        # repr() of a list keeps its items apart, as texts prefixed with their lengths do, and is several times as fast.
        texts = [value if type(value) in _PLAIN else _text(value) for value in values]
        return hmac.digest(self._key, repr(texts).encode(), "sha256").hex()

    def of(self, record: Any, *place: object) -> str:
        """Seal of a dataclass's fields but ``id`` and ``seal``; ``place`` is what else names the record."""
        kind: Any = type(record)
        return self.of_values(kind.__name__, *place, *_sealed_values(kind)(record))

    def hold(self, record: Any, *place: object) -> bool:
        """Whether the record is what was sealed; one without a seal is not."""
        return record.seal is not None and hmac.compare_digest(record.seal, self.of(record, *place))

    def sealed(self, record: R, *place: object) -> R:
        """The record with its seal."""
        return replace(record, seal=self.of(record, *place))  # type: ignore[type-var]

    def changed(self, before: R, **values: Any) -> R:
        """``before`` with other values, sealed anew; a seal that was broken stays broken."""
        if not self.hold(before):
            return replace(before, **values)  # type: ignore[type-var]
        kind: Any = type(before)
        after = (values.get(name, getattr(before, name)) for name in _sealed_fields(kind))
        seal = self.of_values(kind.__name__, *after)
        return replace(before, **values, seal=seal)  # type: ignore[type-var]


def _text(value: object) -> str | int:
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    # A database keeps yes and no as numbers.
    return int(value) if isinstance(value, bool) else str(value)
