"""The seal that each sealed row bore last: by it a row that was put back, or deleted, is recognised.

An earlier version of a row bears a valid seal of its own. A table that every transaction updates with the
rows it writes shows that it is not the latest version, and that a row is missing.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from fundpool.domain.accounts import Account, ApiToken, Session
from fundpool.domain.application import ApplicationLine
from fundpool.domain.installation import Installation
from fundpool.domain.month_records import BudgetRevision, Opening
from fundpool.domain.transfer import Attempt, BankAccount, Batch, Obligation
from fundpool.services.ports.money_ports import KillSwitch


class RowName(NamedTuple):
    """A sealed row: its table, the place it belongs to, its primary key as a JSON list."""

    table: str
    place: str
    key: str


class _Columns(NamedTuple):
    table: str
    key: tuple[str, ...]
    place: tuple[str, ...] = ()
    """What rows have in common that are missed together; of a month, its year."""


_OF: Mapping[type, _Columns] = {
    Obligation: _Columns("obligation", ("id",), ("city", "fund", "month")),
    Attempt: _Columns("attempt", ("id",)),
    Batch: _Columns("transfer_batch", ("id",)),
    BankAccount: _Columns("bank_account", ("id",)),
    KillSwitch: _Columns("kill_switch", ("city", "fund")),
    BudgetRevision: _Columns("budgets", ("city", "year", "county", "fund", "revision"), ("city", "year")),
    Installation: _Columns("installation", ("id",)),
    Opening: _Columns("openings", ("city", "month", "county", "fund"), ("city",)),
    ApplicationLine: _Columns(
        "application_lines", ("city", "month", "fund", "number", "county"), ("city", "month")
    ),
    Account: _Columns("user_account", ("name",)),
    Session: _Columns("user_session", ("token_hash",)),
    ApiToken: _Columns("api_token", ("token_hash",)),
}
_PLACES = {each.table: each.place for each in _OF.values()}

SEALED_TABLES: Mapping[str, frozenset[str]] = {
    each.table: frozenset({*each.key, *each.place}) for each in _OF.values()
}
"""The tables whose rows bear a seal of their own, and the columns that name a row."""

as_key = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=str).encode


def place_text(*values: object) -> str:
    """A place as the table holds it."""
    return "/".join(map(str, values))


def name_of_row(table: str, row: Mapping[Any, Any], key: str) -> RowName:
    """The name of a row as its table holds it."""
    return RowName(table, _place(_PLACES[table], row), key)


def name_of(record: Any, **further: object) -> RowName:
    """The name of a record's row; ``further``: columns that the record itself does not have."""
    columns = _OF[type(record)]
    values = {
        each: further[each] if each in further else getattr(record, each)
        for each in {*columns.key, *columns.place}
    }
    return RowName(
        columns.table, _place(columns.place, values), as_key([values[each] for each in columns.key])
    )


def name_of_switch(city: str, fund: str) -> RowName:
    """The name of a fund's kill switch, which need not be there."""
    return RowName("kill_switch", "", as_key([city, fund]))


def _place(columns: Iterable[str], values: Mapping[Any, Any]) -> str:
    return place_text(*(str(values[each])[:4] if each == "month" else values[each] for each in columns))


class LatestSeals(Protocol):
    """The seal that each sealed row bore when the program wrote it last, in this transaction or before.

    A row that the program wrote on top of an earlier version, which somebody had put back, keeps the
    seal of before: writing does not heal it. A row that is entered anew does.
    """

    def of_rows(self, names: Iterable[RowName]) -> dict[RowName, str]:
        """Of these rows, as far as they were ever written."""

    def of_place(self, table: str, place: str) -> dict[RowName, str]:
        """Of every row of the place."""

    def standing(self, table: str, keys: Iterable[str] | None = None) -> Iterable[tuple[RowName, str | None]]:
        """The rows that stand in the table, or those with the given keys, each with the seal it bears."""

    def all(self) -> Iterable[tuple[RowName, str]]:
        """Of every row."""
