"""Batches, obligations, attempts and everything the bank said, on SQL."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, Table, Update, bindparam, exists, func, select, update

from fundpool.adapters.stores.listed_values import among, listed
from fundpool.adapters.stores.sealed_rows import RowWriter
from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.sealing import Seals
from fundpool.domain.transfer import (
    Attempt,
    AttemptState,
    Batch,
    BatchState,
    Hop,
    Obligation,
    ObligationState,
    PaymentOrder,
    check_obligation_arrow,
    new_attempt,
    new_batch,
    new_obligation,
)
from fundpool.services.ports.money_ports import Break, GatewayCall, KillSwitch, Recovery
from schemas.payment_messages import Direction, StatementLine
from schemas.tables.accounts import bank_account
from schemas.tables.transfers import (
    attempts,
    callback_inbox,
    gateway_call,
    kill_switch,
    obligations,
    reconciliation_break,
    recovery,
    statement_day,
    statement_line,
    transfer_batch,
)

# Sending one payment runs some eighty small statements: building them anew each time cost more than
# the database takes to answer.


def _one(table: Table, *names: str) -> Select[Any]:
    return select(table).where(*(table.c[name] == bindparam(name) for name in names))


_BATCH, _BATCH_BY_KEY = _one(transfer_batch, "id"), _one(transfer_batch, "key")
_OBLIGATION, _OBLIGATION_BY_KEY = _one(obligations, "id"), _one(obligations, "key")
_REVISIONS = _one(obligations, "city", "fund", "month", "hop", "unit", "purpose", "application").order_by(
    obligations.c.revision
)
_ATTEMPT, _ATTEMPT_BY_KEY = _one(attempts, "id"), _one(attempts, "key")
_ATTEMPTS = _one(attempts, "obligation_id").order_by(attempts.c.attempt_no)
_ATTEMPTS_OF_SERIAL = _one(attempts, "bank_serial").order_by(attempts.c.id)
_LINES_OF_KEY = _one(statement_line, "attempt_key").order_by(statement_line.c.id)
_SWITCH = _one(kill_switch, "city", "fund")
_RECOVERY = _one(recovery, "city", "fund")


@cache
def _batches_by(names: tuple[str, ...]) -> Select[Any]:
    return _one(transfer_batch, *names).order_by(transfer_batch.c.id)


@cache
def _obligations_by(names: tuple[str, ...]) -> Select[Any]:
    c = obligations.c
    query = _one(obligations, *(name for name in names if name in c)).order_by(c.batch_id, c.unit, c.id)
    if "year_from" in names:
        query = query.where(c.month.between(bindparam("year_from"), bindparam("year_until")))
    return query


@cache
def _keys_with_lines(dialect: str) -> Select[Any]:
    return select(statement_line.c.attempt_key).where(among(dialect, statement_line.c.attempt_key))


@lru_cache(maxsize=128)
def _changing(table: Table, names: tuple[str, ...]) -> Update:
    """Sets the named columns of the row whose version was read."""
    return (
        update(table)
        .where(table.c.id == bindparam("row_id"), table.c.version == bindparam("read_version"))
        .values({name: bindparam(f"new_{name}") for name in ("version", "seal", *names)})
    )


class SqlTransferStore:
    """Money under way, read and written in the transaction of ``connection``."""

    def __init__(self, connection: Connection, rows: RowWriter, seals: Seals) -> None:
        self._connection = connection
        self._rows = rows
        self._seals = seals

    # Batches

    def add_batch(
        self, key: str, orders: Sequence[tuple[PaymentOrder, int, int]], maker: str, at: datetime
    ) -> Batch:
        made = self._seals.sealed(new_batch(key, orders, maker, at))
        batch_id = self._rows.insert(transfer_batch, _values(made))["id"]
        self._rows.insert_all(
            obligations,
            (
                _values(self._seals.sealed(new_obligation(batch_id, order, debit_id, credit_id)))
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
        self, city: str, month: Month | None = None, hop: Hop | None = None, fund: str | None = None
    ) -> list[Batch]:
        wanted = {"city": city, "month": month, "hop": hop, "fund": fund}
        values = {name: str(value) for name, value in wanted.items() if value is not None}
        query = _batches_by(tuple(values))
        return [batch_of(row) for row in self._connection.execute(query, values).mappings()]

    def change_batch(self, batch: Batch, **fields: Any) -> Batch:
        return batch_of(self._change(transfer_batch, batch, f"批次 {batch.key}", fields))

    # Obligations

    def obligation(self, obligation_id: int) -> Obligation:
        row = self._first(_OBLIGATION, id=obligation_id)
        if row is None:
            raise InputError(
                "obligation_unknown",
                f"没有第 {obligation_id} 号拨付款项",
                f"there is no payment obligation {obligation_id}",
                remedy="fundpool transfers list",
            )
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
            "month": str(month) if month else None,
            "year_from": str(Month(year, 1)) if year else None,
            "year_until": str(Month(year, 12)) if year else None,
            "fund": fund,
            "hop": str(hop) if hop else None,
            "unit": unit,
            "batch_id": batch_id,
        }
        values = {name: value for name, value in wanted.items() if value is not None}
        query = _obligations_by(tuple(values))
        if states is not None:
            query = query.where(obligations.c.state.in_([state.value for state in states]))
        return [obligation_of(row) for row in self._connection.execute(query, values).mappings()]

    def revisions(self, obligation: Obligation) -> list[Obligation]:
        values = {
            "city": obligation.city,
            "fund": obligation.fund,
            "month": str(obligation.month),
            "hop": str(obligation.hop),
            "unit": obligation.unit,
            "purpose": obligation.purpose,
            "application": obligation.application,
        }
        return [obligation_of(row) for row in self._connection.execute(_REVISIONS, values).mappings()]

    def paying_accounts(self, city: str) -> list[int]:
        pays = exists().where(obligations.c.debit_account_id == bank_account.c.id)
        query = select(bank_account.c.id).where(bank_account.c.city == city, pays)
        return list(self._connection.scalars(query.order_by(bank_account.c.id)))

    def change_obligation(self, obligation: Obligation, state: ObligationState, **fields: Any) -> Obligation:
        check_obligation_arrow(obligation.state, state, obligation.key)
        values = {"state": state, **fields}
        return obligation_of(self._change(obligations, obligation, f"款项 {obligation.key}", values))

    def note_retry(self, obligation: Obligation, asked_by: str) -> None:
        self._change(obligations, obligation, f"款项 {obligation.key}", {"retry_asked_by": asked_by})

    # Attempts

    def add_attempt(
        self,
        obligation: Obligation,
        attempt_no: int,
        key: str,
        request: bytes,
        prepared_at: datetime,
        valid_until: datetime,
    ) -> Attempt:
        made = self._seals.sealed(new_attempt(obligation, attempt_no, key, request, prepared_at, valid_until))
        return attempt_of(self._rows.insert(attempts, _values(made)))

    def attempt(self, attempt_id: int) -> Attempt:
        row = self._first(_ATTEMPT, id=attempt_id)
        if row is None:  # read before, in books that were put back from a backup since
            raise InputError(
                "attempt_unknown",
                f"没有第 {attempt_id} 号支付",
                f"there is no order {attempt_id}",
                remedy="fundpool transfers list",
            )
        return attempt_of(row)

    def attempt_by_key(self, key: str) -> Attempt | None:
        row = self._first(_ATTEMPT_BY_KEY, key=key)
        return attempt_of(row) if row is not None else None

    def attempts_of_serial(self, bank_serial: str) -> list[Attempt]:
        found = self._connection.execute(_ATTEMPTS_OF_SERIAL, {"bank_serial": bank_serial})
        return [attempt_of(row) for row in found.mappings()]

    def attempts(self, obligation_id: int) -> list[Attempt]:
        found = self._connection.execute(_ATTEMPTS, {"obligation_id": obligation_id})
        return [attempt_of(row) for row in found.mappings()]

    def attempts_in(
        self,
        states: Iterable[AttemptState],
        *,
        city: str | None = None,
        month: Month | None = None,
        fund: str | None = None,
        due_at: datetime | None = None,
        executed_on: date | None = None,
    ) -> list[Attempt]:
        c = attempts.c
        query = select(attempts).where(c.state.in_([state.value for state in states])).order_by(c.id)
        if due_at is not None:
            query = query.where(c.next_query_at <= due_at)
        if executed_on is not None:
            query = query.where(
                c.executed_at >= _midnight(executed_on),
                c.executed_at < _midnight(executed_on + timedelta(days=1)),
            )
        if city is not None or month is not None or fund is not None:
            query = query.join(obligations, obligations.c.id == attempts.c.obligation_id)
        for column, value in (
            (obligations.c.city, city),
            (obligations.c.month, str(month) if month else None),
            (obligations.c.fund, fund),
        ):
            if value is not None:
                query = query.where(column == value)
        return [attempt_of(row) for row in self._connection.execute(query).mappings()]

    def change_attempt(self, attempt: Attempt, **fields: Any) -> Attempt:
        return attempt_of(self._change(attempts, attempt, f"支付 {attempt.key}", fields))

    # What the bank said

    def record_call(self, call: GatewayCall) -> None:
        self._rows.insert(gateway_call, {name: getattr(call, name) for name in GatewayCall.__slots__})

    def calls(self, attempt_key: str) -> list[GatewayCall]:
        query = (
            select(gateway_call).where(gateway_call.c.attempt_key == attempt_key).order_by(gateway_call.c.id)
        )
        return [
            GatewayCall(**{name: row[name] for name in GatewayCall.__slots__})
            for row in self._connection.execute(query).mappings()
        ]

    def add_callback(
        self, gateway: str, event_id: str, attempt_key: str, received_at: datetime, raw: bytes
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

    def add_statement_lines(
        self, lines: Sequence[StatementLine], at: datetime
    ) -> tuple[list[StatementLine], list[StatementLine]]:
        fresh: list[StatementLine] = []
        altered: list[StatementLine] = []
        for line in lines:
            c = statement_line.c
            row = self._first(
                select(statement_line).where(c.account_no == line.account, c.bank_serial == line.bank_serial)
            )
            if row is not None:
                if not _is_same(_line(row), line):
                    altered.append(line)
                continue
            fresh.append(line)
            self._rows.insert(
                statement_line,
                {
                    "account_no": line.account,
                    "bank_serial": line.bank_serial,
                    "direction": line.direction.value,
                    "amount_fen": line.amount_fen,
                    "attempt_key": line.key,
                    "counterparty": line.counterparty,
                    "executed_at": line.executed_at,
                    "imported_at": at,
                    "counterparty_account": line.counterparty_account,
                },
            )
        return fresh, altered

    def mark_statement(
        self, account_no: str, day: date, lines: int, at: datetime, *, sequence: int | None
    ) -> None:
        key = {"account_no": account_no, "day": day.isoformat()}
        self._rows.put(statement_day, key, {"lines": lines, "imported_at": at, "sequence": sequence})

    def forget_statement(self, account_no: str, day: date) -> None:
        c = statement_day.c
        self._rows.delete(statement_day, [c.account_no == account_no, c.day == day.isoformat()])

    def statement_sequences(self, account_no: str) -> dict[date, int]:
        c = statement_day.c
        rows = self._connection.execute(
            select(c.day, c.sequence).where(c.account_no == account_no, c.sequence.is_not(None))
        )
        return {date.fromisoformat(row.day): row.sequence for row in rows}

    def statement_imports(self, account_no: str) -> dict[date, datetime]:
        rows = self._connection.execute(
            select(statement_day.c.day, statement_day.c.imported_at).where(
                statement_day.c.account_no == account_no
            )
        )
        return {date.fromisoformat(row.day): row.imported_at for row in rows}

    def lines_of_key(self, attempt_key: str) -> list[StatementLine]:
        found = self._connection.execute(_LINES_OF_KEY, {"attempt_key": attempt_key})
        return [_line(row) for row in found.mappings()]

    def keys_with_lines(self, keys: Iterable[str]) -> frozenset[str]:
        dialect = self._connection.dialect.name
        return frozenset(self._connection.scalars(_keys_with_lines(dialect), listed(dialect, keys)))

    def lines_of_account(self, account_no: str, first: date, last: date) -> list[StatementLine]:
        c = statement_line.c
        query = (
            select(statement_line)
            .where(
                c.account_no == account_no,
                c.executed_at >= _midnight(first),
                c.executed_at < _midnight(last + timedelta(days=1)),
            )
            .order_by(c.executed_at, c.id)
        )
        return [_line(row) for row in self._connection.execute(query).mappings()]

    # Breaks and switches

    def add_break(
        self,
        *,
        kind: str,
        reference: str,
        city: str,
        fund: str,
        detail_zh: str,
        detail_en: str,
        stops_fund: bool,
        at: datetime,
    ) -> bool:
        c = reconciliation_break.c
        known = self._connection.scalar(select(c.id).where(c.kind == kind, c.reference == reference))
        if known is not None:
            return False
        self._rows.insert(
            reconciliation_break,
            {
                "kind": kind,
                "reference": reference,
                "city": city,
                "fund": fund,
                "detail_zh": detail_zh,
                "detail_en": detail_en,
                "stops_fund": int(stops_fund),
                "found_at": at,
            },
        )
        return True

    def breaks(self, city: str | None = None, *, only_open: bool = True) -> list[Break]:
        c = reconciliation_break.c
        query = select(reconciliation_break).order_by(c.id)
        if city is not None:
            query = query.where(c.city == city)
        if only_open:
            query = query.where(c.resolved_at.is_(None))
        return [
            Break(**{**row, "stops_fund": bool(row["stops_fund"])})
            for row in self._connection.execute(query).mappings()
        ]

    def resolve_break(self, break_id: int, by: str, resolution: str, at: datetime) -> None:
        c = reconciliation_break.c
        changed = self._rows.update(
            reconciliation_break,
            [c.id == break_id, c.resolved_at.is_(None)],
            {"resolved_at": at, "resolved_by": by, "resolution": resolution},
        )
        if changed != 1:
            raise InputError(
                "break_unknown", f"没有未结的第 {break_id} 号差异", f"there is no open break {break_id}"
            )

    def kill_switch(self, city: str, fund: str) -> KillSwitch | None:
        row = self._first(_SWITCH, city=city, fund=fund)
        return switch_of(row) if row is not None else None

    def kill_switches(self) -> list[KillSwitch]:
        query = select(kill_switch).order_by(kill_switch.c.city, kill_switch.c.fund)
        return [switch_of(row) for row in self._connection.execute(query).mappings()]

    def set_kill_switch(self, switch: KillSwitch) -> None:
        sealed = self._seals.sealed(switch)
        values: dict[str, Any] = {
            "is_stopped": int(sealed.is_stopped),
            "reason": sealed.reason,
            "by": sealed.by,
            "at": sealed.at,
            "restart_asked_by": sealed.restart_asked_by,
            "restarted_by": sealed.restarted_by,
            "seal": sealed.seal,
        }
        self._rows.put(kill_switch, {"city": switch.city, "fund": switch.fund}, values)

    def recovery(self, city: str, fund: str) -> Recovery | None:
        row = self._first(_RECOVERY, city=city, fund=fund)
        return _recovery(row) if row is not None else None

    def recoveries(self) -> list[Recovery]:
        query = select(recovery).order_by(recovery.c.city, recovery.c.fund)
        return [_recovery(row) for row in self._connection.execute(query).mappings()]

    def put_recovery(self, found: Recovery) -> None:
        values = asdict(found) | {"since": found.since.isoformat()}
        self._rows.put(recovery, {"city": found.city, "fund": found.fund}, values)

    def sent_fen(self, city: str, fund: str, day: date) -> int:
        query = (
            select(func.coalesce(func.sum(attempts.c.amount_fen), 0))
            .join(obligations, obligations.c.id == attempts.c.obligation_id)
            .where(
                obligations.c.city == city,
                obligations.c.fund == fund,
                attempts.c.first_sent_at >= _midnight(day),
                attempts.c.first_sent_at < _midnight(day + timedelta(days=1)),
                attempts.c.state.not_in([AttemptState.REJECTED.value, AttemptState.CLOSED.value]),
            )
        )
        return int(self._connection.scalar(query) or 0)

    # Shared

    def _first(self, query: Select[Any], **values: Any) -> RowMapping | None:
        return self._connection.execute(query, values).mappings().first()

    def _change(
        self, table: Table, before: Batch | Obligation | Attempt, name: str, fields: dict[str, Any]
    ) -> dict[str, Any]:
        changed = self._seals.changed(before, version=before.version + 1, **fields)
        stood = {"id": before.id} | _values(before)
        after = stood | {column: _stored(getattr(changed, column)) for column in ("version", "seal", *fields)}
        values = {f"new_{column}": after[column] for column in ("version", "seal", *fields)}
        values |= {"row_id": before.id, "read_version": before.version}
        if self._connection.execute(_changing(table, tuple(fields)), values).rowcount != 1:
            raise RuleViolation(
                "changed_meanwhile",
                f"{name} 已被他人更改",
                f"{name} was changed by somebody else meanwhile",
                remedy="重新执行同一命令 / run the same command again",
            )
        self._rows.note_change(table, stood, after)
        return after


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)


_AS_THEY_ARE = frozenset({str, int, type(None), datetime, bytes})


def _values(record: Batch | Obligation | Attempt) -> dict[str, Any]:
    """A new record as a row; the database numbers it."""
    return {name: _stored(getattr(record, name)) for name in type(record).__slots__ if name != "id"}


def _stored(value: Any) -> Any:
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Month | Hop):
        return str(value)
    return int(value) if isinstance(value, bool) else value


def batch_of(row: Mapping[Any, Any]) -> Batch:
    """A row as a batch."""
    fields = {name: row[name] for name in Batch.__slots__}
    fields["month"] = Month.parse(row["month"])
    fields["hop"] = Hop.parse(row["hop"])
    fields["state"] = BatchState(row["state"])
    return Batch(**fields)


def obligation_of(row: Mapping[Any, Any]) -> Obligation:
    """A row as an obligation."""
    fields = {name: row[name] for name in Obligation.__slots__}
    fields["month"] = Month.parse(row["month"])
    fields["hop"] = Hop.parse(row["hop"])
    fields["state"] = ObligationState(row["state"])
    return Obligation(**fields)


def attempt_of(row: Mapping[Any, Any]) -> Attempt:
    """A row as an attempt."""
    fields = {name: row[name] for name in Attempt.__slots__}
    fields["state"] = AttemptState(row["state"])
    fields["was_unknown"] = bool(row["was_unknown"])
    return Attempt(**fields)


def _line(row: RowMapping) -> StatementLine:
    return StatementLine(
        bank_serial=row["bank_serial"],
        account=row["account_no"],
        direction=Direction(row["direction"]),
        amount_fen=row["amount_fen"],
        key=row["attempt_key"],
        counterparty=row["counterparty"],
        executed_at=row["executed_at"],
        counterparty_account=row["counterparty_account"],
    )


def _is_same(known: StatementLine, line: StatementLine) -> bool:
    """Whether the bank says the same; another source of it may not give the other party's account."""
    if known.counterparty_account is None or line.counterparty_account is None:
        return replace(known, counterparty_account=None) == replace(line, counterparty_account=None)
    return known == line


def _recovery(row: RowMapping) -> Recovery:
    return Recovery(**{**row, "since": date.fromisoformat(row["since"])})


def switch_of(row: RowMapping) -> KillSwitch:
    """A row as a kill switch."""
    return KillSwitch(
        city=row["city"],
        fund=row["fund"],
        is_stopped=bool(row["is_stopped"]),
        reason=row["reason"],
        by=row["by"],
        at=row["at"],
        restart_asked_by=row["restart_asked_by"],
        restarted_by=row["restarted_by"],
        seal=row["seal"],
    )
