"""Batches and their obligations, on SQL."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, exists, func, select

from fundpool.adapters.stores.store import SealedStore, local, record_of, rows_where, stored_value, values_of
from fundpool.domain.errors import InputError
from fundpool.domain.periods import Month
from fundpool.domain.transfer import (
    Batch,
    BatchLine,
    BatchState,
    Hop,
    Obligation,
    ObligationState,
    PaymentOrder,
    check_obligation_arrow,
    new_batch,
    new_obligation,
)
from fundpool.services.ports.money_ports import PaymentCount
from schemas.tables.accounts import bank_account
from schemas.tables.transfers import obligations, transfer_batch

_BATCH, _BATCH_BY_KEY = rows_where(transfer_batch, "id"), rows_where(transfer_batch, "key")
_OBLIGATION, _OBLIGATION_BY_KEY = rows_where(obligations, "id"), rows_where(obligations, "key")
_PLACE = ("city", "fund", "month", "hop", "unit", "purpose", "application")
_REVISIONS = rows_where(obligations, *_PLACE).order_by(obligations.c.revision)
_OF = obligations.alias("of")
_REVISIONS_OF = (
    select(obligations)
    .join(_OF, and_(*(_OF.c[name] == obligations.c[name] for name in _PLACE)))
    .where(_OF.c.id == bindparam("id"))
    .order_by(obligations.c.revision)
)


def _batch_lines() -> Select[Any]:
    c, debit, credit = obligations.c, bank_account.alias("debit"), bank_account.alias("credit")
    return (
        select(
            *(c.key, c.amount_fen, debit.c.account_no, debit.c.version),
            *(credit.c.account_no, credit.c.version, credit.c.account_name),
        )
        .join(debit, and_(debit.c.id == c.debit_account_id, debit.c.city == c.city, debit.c.fund == c.fund))
        .join(
            credit, and_(credit.c.id == c.credit_account_id, credit.c.city == c.city, credit.c.fund == c.fund)
        )
        .where(c.batch_id == bindparam("batch_id"))
    )


_BATCH_LINES = _batch_lines()


@cache
def _batches_by(names: tuple[str, ...]) -> Select[Any]:
    return rows_where(transfer_batch, *names).order_by(transfer_batch.c.id)


@cache
def _obligations_by(names: tuple[str, ...]) -> Select[Any]:
    c = obligations.c
    query = rows_where(obligations, *(name for name in names if name in c)).order_by(c.batch_id, c.unit, c.id)
    if "year_from" in names:
        query = query.where(c.month.between(bindparam("year_from"), bindparam("year_until")))
    return query


class SqlPaymentStore(SealedStore):
    """``PaymentStore`` on SQL."""

    def add_batch(
        self, key: str, orders: Sequence[tuple[PaymentOrder, int, int]], maker: str, *, at: datetime
    ) -> Batch:
        made = self._seals.sealed(new_batch(key, orders, maker, made_at=at))
        batch_id = self._rows.insert(transfer_batch, values_of(made))["id"]
        self._rows.insert_all(
            obligations,
            (
                values_of(
                    self._seals.sealed(new_obligation(batch_id, order, debit_id, credit_account_id=credit_id))
                )
                for order, debit_id, credit_id in orders
            ),
        )
        return self.batch(batch_id)

    def batch(self, batch_id: int) -> Batch:
        row = self._first(_BATCH, id=batch_id)
        if row is None:
            raise InputError(
                "batch_unknown", f"没有第 {batch_id} 号拨付批次", f"there is no payment batch {batch_id}"
            )
        return batch_of(row)

    def batch_by_key(self, key: str) -> Batch | None:
        row = self._first(_BATCH_BY_KEY, key=key)
        return batch_of(row) if row is not None else None

    def batches(
        self, city: str, month: Month | None = None, hop: Hop | None = None, *, fund: str | None = None
    ) -> list[Batch]:
        wanted = {"city": city, "month": month, "hop": hop, "fund": fund}
        values = {name: str(value) for name, value in wanted.items() if value is not None}
        query = _batches_by(tuple(values))
        return [batch_of(row) for row in self._all(query, **values)]

    def change_batch(self, batch: Batch, **fields: Any) -> Batch:
        return batch_of(self._change(transfer_batch, batch, f"批次 {batch.key}", fields=fields))

    def batch_lines(self, batch_id: int) -> list[BatchLine]:
        return [BatchLine(*row) for row in self._connection.execute(_BATCH_LINES, {"batch_id": batch_id})]

    def obligation(self, obligation_id: int) -> Obligation:
        row = self._first(_OBLIGATION, id=obligation_id)
        if row is None:
            raise _unknown(obligation_id)
        return obligation_of(row)

    def obligation_by_key(self, key: str) -> Obligation | None:
        row = self._first(_OBLIGATION_BY_KEY, key=key)
        return obligation_of(row) if row is not None else None

    def obligations(
        self,
        *,
        city: str | None = None,
        month: Month | None = None,
        year: int | None = None,
        fund: str | None = None,
        hop: Hop | None = None,
        unit: str | None = None,
        batch_id: int | None = None,
        states: Iterable[ObligationState] | None = None,
    ) -> list[Obligation]:
        wanted = {
            "city": city,
            "month": month,
            "year_from": Month(year, 1) if year else None,
            "year_until": Month(year, 12) if year else None,
            "fund": fund,
            "hop": hop,
            "unit": unit,
            "batch_id": batch_id,
        }
        values = {name: stored_value(value) for name, value in wanted.items() if value is not None}
        query = _obligations_by(tuple(values))
        if states is not None:
            query = query.where(obligations.c.state.in_([state.value for state in states]))
        return [obligation_of(row) for row in self._all(query, **values)]

    def counts(self) -> list[PaymentCount]:
        c = obligations.c
        query = (
            select(
                c.city, c.state, func.count().label("count"), func.min(transfer_batch.c.made_at).label("at")
            )
            .join(transfer_batch, transfer_batch.c.id == c.batch_id)
            .group_by(c.city, c.state)
        )
        return [
            PaymentCount(row["city"], ObligationState(row["state"]), row["count"], oldest_at=local(row["at"]))
            for row in self._all(query)
        ]

    def revisions(self, obligation: Obligation) -> list[Obligation]:
        values = {name: stored_value(getattr(obligation, name)) for name in _PLACE}
        return [obligation_of(row) for row in self._all(_REVISIONS, **values)]

    def with_revisions(self, obligation_id: int) -> tuple[Obligation, list[Obligation]]:
        found = {row["id"]: obligation_of(row) for row in self._all(_REVISIONS_OF, id=obligation_id)}
        if not found:
            raise _unknown(obligation_id)
        return found[obligation_id], list(found.values())

    def paying_accounts(self, city: str) -> list[int]:
        pays = exists().where(obligations.c.debit_account_id == bank_account.c.id)
        query = select(bank_account.c.id).where(bank_account.c.city == city, pays)
        return list(self._connection.scalars(query.order_by(bank_account.c.id)))

    def change_obligation(self, obligation: Obligation, state: ObligationState, **fields: Any) -> Obligation:
        check_obligation_arrow(obligation.state, state, obligation.key)
        values = {"state": state, **fields}
        return obligation_of(self._change(obligations, obligation, f"款项 {obligation.key}", fields=values))

    def note_retry(self, obligation: Obligation, asked_by: str) -> None:
        self._change(obligations, obligation, f"款项 {obligation.key}", fields={"retry_asked_by": asked_by})


def _unknown(obligation_id: int) -> InputError:
    return InputError(
        "obligation_unknown",
        f"没有第 {obligation_id} 号拨付款项",
        f"there is no payment obligation {obligation_id}",
        remedy="fundpool transfers list",
    )


def batch_of(row: Mapping[Any, Any]) -> Batch:
    """A row as a batch."""
    month, hop, state = Month.parse(row["month"]), Hop.parse(row["hop"]), BatchState(row["state"])
    return record_of(Batch, row, month=month, hop=hop, state=state)


def obligation_of(row: Mapping[Any, Any]) -> Obligation:
    """A row as an obligation."""
    month, hop, state = Month.parse(row["month"]), Hop.parse(row["hop"]), ObligationState(row["state"])
    return record_of(Obligation, row, month=month, hop=hop, state=state)
