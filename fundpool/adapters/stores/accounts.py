"""The register of bank accounts on SQL."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, func, select

from fundpool.adapters.stores.sealed_rows import RowWriter
from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.sealing import Seals
from fundpool.domain.transfer import AccountStatus, BankAccount
from fundpool.services.ports.money_ports import AccountProposal, new_account
from schemas.tables.accounts import bank_account

_ACCOUNT = select(bank_account).where(bank_account.c.id == bindparam("id"))


@cache
def _accounts_by(names: tuple[str, ...]) -> Select[Any]:
    c = bank_account.c
    query = select(bank_account).where(*(c[name] == bindparam(name) for name in names))
    return query.order_by(c.city, c.fund, c.account_type, c.unit, c.version)


class SqlAccountStore:
    """Entries of the register, read and written in the transaction of ``connection``."""

    def __init__(self, connection: Connection, rows: RowWriter, seals: Seals) -> None:
        self._connection = connection
        self._rows = rows
        self._seals = seals
        # Sending one payment looks at its two accounts a dozen times, in transactions that change neither.
        self._read: dict[int, BankAccount] = {}

    def propose(self, proposal: AccountProposal, maker: str, at: datetime) -> BankAccount:
        c = bank_account.c
        mine = (
            (c.city == proposal.city)
            & (c.fund == proposal.fund)
            & (c.unit == proposal.unit)
            & (c.account_type == proposal.account_type.value)
        )
        last = (
            self._connection.execute(select(bank_account).where(mine).order_by(c.version.desc()).limit(1))
            .mappings()
            .first()
        )
        if last is not None and _says_the_same(last, proposal):
            return account_of(last)
        version = 1 + (self._connection.scalar(select(func.max(c.version)).where(mine)) or 0)
        proposed = self._seals.sealed(new_account(proposal, version, maker, at))
        values = {name: getattr(proposed, name) for name in BankAccount.__slots__ if name != "id"}
        values |= {"account_type": proposed.account_type.value, "status": proposed.status.value}
        return account_of(self._rows.insert(bank_account, values))

    def approve(self, account: BankAccount, checker: str, at: datetime, usable_from: datetime) -> BankAccount:
        c = bank_account.c
        self._read.clear()
        before = self.approved(account.city, account.fund, account.account_type, account.unit)
        if before is not None:
            retired = self._seals.changed(before, status=AccountStatus.RETIRED)
            values = {"status": retired.status.value, "seal": retired.seal}
            self._rows.update(bank_account, [c.id == before.id], values)
        approved = self._seals.changed(
            account,
            status=AccountStatus.APPROVED,
            checker=checker,
            approved_at=at,
            usable_from=usable_from,
        )
        changed = self._rows.update(
            bank_account,
            [c.id == account.id, c.status == AccountStatus.PROPOSED.value],
            {
                "status": approved.status.value,
                "checker": checker,
                "approved_at": at,
                "usable_from": usable_from,
                "seal": approved.seal,
            },
        )
        if changed != 1:
            raise RuleViolation(
                "changed_meanwhile",
                f"账户登记 {account.id} 已被他人处理",
                f"account entry {account.id} was dealt with meanwhile",
            )
        return self.get(account.id)

    def get(self, account_id: int) -> BankAccount:
        if account_id in self._read:
            return self._read[account_id]
        row = self._connection.execute(_ACCOUNT, {"id": account_id}).mappings().first()
        if row is None:
            raise InputError(
                "account_unknown",
                f"账户登记簿中没有第 {account_id} 号",
                f"the account register has no entry {account_id}",
                remedy="fundpool accounts list",
            )
        found = self._read[account_id] = account_of(row)
        return found

    def approved(self, city: str, fund: str, account_type: AccountType, unit: str) -> BankAccount | None:
        place = {"city": city, "fund": fund, "account_type": account_type.value, "unit": unit}
        found = self._those(place | {"status": AccountStatus.APPROVED.value})
        return found[0] if found else None

    def find(
        self,
        city: str | None = None,
        fund: str | None = None,
        status: AccountStatus | None = None,
        account_no: str | None = None,
    ) -> list[BankAccount]:
        wanted = {"city": city, "fund": fund, "status": status, "account_no": account_no}
        return self._those({name: str(value) for name, value in wanted.items() if value is not None})

    def _those(self, values: dict[str, str]) -> list[BankAccount]:
        query = _accounts_by(tuple(values))
        return [account_of(row) for row in self._connection.execute(query, values).mappings()]


def _says_the_same(row: RowMapping, proposal: AccountProposal) -> bool:
    return row["status"] != AccountStatus.RETIRED.value and (
        row["account_no"],
        row["account_name"],
        row["bank_name"],
    ) == (proposal.account_no, proposal.account_name, proposal.bank_name)


def account_of(row: Mapping[Any, Any]) -> BankAccount:
    """A row as an entry of the register."""
    fields: dict[str, Any] = dict(row)
    fields["account_type"] = AccountType(fields["account_type"])
    fields["status"] = AccountStatus(fields["status"])
    return BankAccount(**fields)
