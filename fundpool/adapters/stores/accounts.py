"""The register of bank accounts on SQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, select

from fundpool.adapters.stores.listed_values import among, listed
from fundpool.adapters.stores.sealed_rows import RowWriter
from fundpool.adapters.stores.store import SealedStore, record_of, rows_where, values_of
from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.sealing import Seals
from fundpool.domain.transfer import AccountStatus, BankAccount
from fundpool.services.ports.money_ports import AccountProposal, new_account
from schemas.tables.accounts import bank_account


@cache
def _accounts_of(dialect: str) -> Select[Any]:
    return select(bank_account).where(among(dialect, bank_account.c.id))


@cache
def _accounts_by(names: tuple[str, ...]) -> Select[Any]:
    c = bank_account.c
    order = (c.city, c.fund, c.account_type, c.unit, c.version)
    return rows_where(bank_account, *names).order_by(*order)


class SqlAccountStore(SealedStore):
    """Entries of the register, read and written in the transaction of ``connection``."""

    def __init__(self, connection: Connection, rows: RowWriter, seals: Seals) -> None:
        super().__init__(connection, rows, seals)
        # Sending one payment looks at its two accounts a dozen times, in transactions that change neither.
        self._read: dict[int, BankAccount] = {}

    def propose(self, proposal: AccountProposal, maker: str, at: datetime) -> BankAccount:
        place = {name: str(getattr(proposal, name)) for name in ("city", "fund", "unit", "account_type")}
        versions = self._those(place)
        if versions and _says_the_same(versions[-1], proposal):
            return versions[-1]
        version = 1 + (versions[-1].version if versions else 0)
        proposed = self._seals.sealed(new_account(proposal, version, maker, proposed_at=at))
        return account_of(self._rows.insert(bank_account, values_of(proposed)))

    def approve(
        self, account: BankAccount, checker: str, at: datetime, *, usable_from: datetime
    ) -> BankAccount:
        c = bank_account.c
        self._read.clear()
        before = self.approved(account.city, account.fund, account.account_type, unit=account.unit)
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
        return self.get_all([account_id])[0]

    def get_all(self, account_ids: Sequence[int]) -> list[BankAccount]:
        missing = [account_id for account_id in account_ids if account_id not in self._read]
        if missing:
            dialect = self._connection.dialect.name
            for row in self._all(_accounts_of(dialect), **listed(dialect, missing)):
                self._read[row["id"]] = account_of(row)
        for account_id in missing:
            if account_id not in self._read:
                raise InputError(
                    "account_unknown",
                    f"账户登记簿中没有第 {account_id} 号",
                    f"the account register has no entry {account_id}",
                    remedy="fundpool accounts list",
                )
        return [self._read[account_id] for account_id in account_ids]

    def approved(self, city: str, fund: str, account_type: AccountType, *, unit: str) -> BankAccount | None:
        place = {"city": city, "fund": fund, "account_type": account_type.value, "unit": unit}
        found = self._those(place | {"status": AccountStatus.APPROVED.value})
        return found[0] if found else None

    def find(
        self,
        city: str | None = None,
        fund: str | None = None,
        status: AccountStatus | None = None,
        *,
        account_no: str | None = None,
    ) -> list[BankAccount]:
        wanted = {"city": city, "fund": fund, "status": status, "account_no": account_no}
        return self._those({name: str(value) for name, value in wanted.items() if value is not None})

    def _those(self, values: dict[str, str]) -> list[BankAccount]:
        return [account_of(row) for row in self._all(_accounts_by(tuple(values)), **values)]


def _says_the_same(entry: BankAccount, proposal: AccountProposal) -> bool:
    return entry.status is not AccountStatus.RETIRED and (
        entry.account_no,
        entry.account_name,
        entry.bank_name,
    ) == (proposal.account_no, proposal.account_name, proposal.bank_name)


def account_of(row: Mapping[Any, Any]) -> BankAccount:
    """A row as an entry of the register."""
    account_type, status = AccountType(row["account_type"]), AccountStatus(row["status"])
    return record_of(BankAccount, row, account_type=account_type, status=status)
