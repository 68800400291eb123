"""Attempts, the calls about them and the bank's callbacks, on SQL."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, func, select

from fundpool.adapters.stores.listed_values import among, listed
from fundpool.adapters.stores.store import SealedStore, record_of, rows_where, values_of
from fundpool.domain.errors import InputError
from fundpool.domain.periods import Month, midnight
from fundpool.domain.transfer import Attempt, AttemptState
from fundpool.services.ports.money_ports import GatewayCall
from schemas.tables.transfers import attempts, callback_inbox, gateway_call, obligations

_ATTEMPT, _ATTEMPT_BY_KEY = rows_where(attempts, "id"), rows_where(attempts, "key")
_ATTEMPTS = rows_where(attempts, "obligation_id").order_by(attempts.c.attempt_no)
_ATTEMPTS_OF_SERIAL = rows_where(attempts, "bank_serial").order_by(attempts.c.id)


@cache
def _attempts_of(dialect: str) -> Select[Any]:
    c = attempts.c
    return select(attempts).where(among(dialect, c.obligation_id)).order_by(c.obligation_id, c.attempt_no)


_CALLS = rows_where(gateway_call, "attempt_key").order_by(gateway_call.c.id)


class SqlAttemptStore(SealedStore):
    """``AttemptStore`` on SQL."""

    def add(self, prepared: Attempt) -> Attempt:
        return attempt_of(self._rows.insert(attempts, values_of(self._seals.sealed(prepared))))

    def get(self, attempt_id: int) -> Attempt:
        row = self._first(_ATTEMPT, id=attempt_id)
        if row is None:  # read before, in books that were put back from a backup since
            raise InputError(
                "attempt_unknown",
                f"没有第 {attempt_id} 号支付",
                f"there is no order {attempt_id}",
                remedy="fundpool transfers list",
            )
        return attempt_of(row)

    def by_key(self, key: str) -> Attempt | None:
        row = self._first(_ATTEMPT_BY_KEY, key=key)
        return attempt_of(row) if row is not None else None

    def of_serial(self, bank_serial: str) -> list[Attempt]:
        return [attempt_of(row) for row in self._all(_ATTEMPTS_OF_SERIAL, bank_serial=bank_serial)]

    def of_obligation(self, obligation_id: int) -> list[Attempt]:
        return [attempt_of(row) for row in self._all(_ATTEMPTS, obligation_id=obligation_id)]

    def of_obligations(self, obligation_ids: Iterable[int]) -> dict[int, list[Attempt]]:
        found: dict[int, list[Attempt]] = {obligation_id: [] for obligation_id in obligation_ids}
        dialect = self._connection.dialect.name
        for row in self._all(_attempts_of(dialect), **listed(dialect, found)):
            found[row["obligation_id"]].append(attempt_of(row))
        return found

    def in_states(
        self,
        states: Iterable[AttemptState],
        *,
        city: str | None = None,
        month: Month | None = None,
        due_at: datetime | None = None,
        executed_on: date | None = None,
    ) -> list[Attempt]:
        c = attempts.c
        query = select(attempts).where(c.state.in_([state.value for state in states])).order_by(c.id)
        if due_at is not None:
            query = query.where(c.next_query_at <= due_at)
        if executed_on is not None:
            query = query.where(
                c.executed_at >= midnight(executed_on),
                c.executed_at < midnight(executed_on + timedelta(days=1)),
            )
        if city is not None or month is not None:
            query = query.join(obligations, obligations.c.id == attempts.c.obligation_id)
        if city is not None:
            query = query.where(obligations.c.city == city)
        if month is not None:
            query = query.where(obligations.c.month == str(month))
        return [attempt_of(row) for row in self._all(query)]

    def change(self, attempt: Attempt, **fields: Any) -> Attempt:
        return attempt_of(self._change(attempts, attempt, f"支付 {attempt.key}", fields=fields))

    def record_call(self, call: GatewayCall) -> None:
        self._rows.insert(gateway_call, values_of(call))

    def calls(self, attempt_key: str) -> list[GatewayCall]:
        return [record_of(GatewayCall, row) for row in self._all(_CALLS, attempt_key=attempt_key)]

    def add_callback(
        self, gateway: str, event_id: str, attempt_key: str, *, received_at: datetime, raw: bytes
    ) -> bool:
        c = callback_inbox.c
        known = self._connection.scalar(select(c.id).where(c.gateway == gateway, c.event_id == event_id))
        if known is not None:
            return False
        self._rows.insert(
            callback_inbox,
            {
                "gateway": gateway,
                "event_id": event_id,
                "attempt_key": attempt_key,
                "received_at": received_at,
                "raw": raw,
            },
        )
        return True

    def sent_fen(self, city: str, fund: str, day: date) -> int:
        query = (
            select(func.coalesce(func.sum(attempts.c.amount_fen), 0))
            .join(obligations, obligations.c.id == attempts.c.obligation_id)
            .where(
                obligations.c.city == city,
                obligations.c.fund == fund,
                attempts.c.first_sent_at >= midnight(day),
                attempts.c.first_sent_at < midnight(day + timedelta(days=1)),
                attempts.c.state.not_in([AttemptState.REJECTED.value, AttemptState.CLOSED.value]),
            )
        )
        return int(self._connection.scalar(query) or 0)


def attempt_of(row: Mapping[Any, Any]) -> Attempt:
    """A row as an attempt."""
    state, was_unknown = AttemptState(row["state"]), bool(row["was_unknown"])
    return record_of(Attempt, row, state=state, was_unknown=was_unknown)
