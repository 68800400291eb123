"""The register of bank accounts on SQL."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.transfer import AccountStatus, BankAccount
from fundpool.services.money_ports import AccountProposal
from schemas.tables.accounts import bank_account


class SqlAccountStore:
    """Entries of the register, read and written in the transaction of ``connection``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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
            return _account(last)
        version = 1 + (self._connection.scalar(select(func.max(c.version)).where(mine)) or 0)
        result = self._connection.execute(
            insert(bank_account).values(
                city=proposal.city,
                fund=proposal.fund,
                unit=proposal.unit,
                account_type=proposal.account_type.value,
                version=version,
                account_no=proposal.account_no,
                account_name=proposal.account_name,
                bank_name=proposal.bank_name,
                status=AccountStatus.PROPOSED.value,
                maker=maker,
                proposed_at=at,
            )
        )
        assert result.inserted_primary_key is not None
        return self.get(result.inserted_primary_key[0])

    def approve(self, account: BankAccount, checker: str, at: datetime, usable_from: datetime) -> BankAccount:
        c = bank_account.c
        self._connection.execute(
            update(bank_account)
            .where(
                c.city == account.city,
                c.fund == account.fund,
                c.unit == account.unit,
                c.account_type == account.account_type.value,
                c.status == AccountStatus.APPROVED.value,
            )
            .values(status=AccountStatus.RETIRED.value)
        )
        changed = self._connection.execute(
            update(bank_account)
            .where(c.id == account.id, c.status == AccountStatus.PROPOSED.value)
            .values(
                status=AccountStatus.APPROVED.value,
                checker=checker,
                approved_at=at,
                usable_from=usable_from,
            )
        )
        if changed.rowcount != 1:
            raise RuleViolation(
                "changed_meanwhile",
                f"账户登记 {account.id} 已被他人处理",
                f"account entry {account.id} was dealt with meanwhile",
            )
        return self.get(account.id)

    def get(self, account_id: int) -> BankAccount:
        row = (
            self._connection.execute(select(bank_account).where(bank_account.c.id == account_id))
            .mappings()
            .first()
        )
        if row is None:
            raise InputError(
                "account_unknown",
                f"账户登记簿中没有第 {account_id} 号",
                f"the account register has no entry {account_id}",
                remedy="fundpool accounts list",
            )
        return _account(row)

    def approved(self, city: str, fund: str, account_type: AccountType, unit: str) -> BankAccount | None:
        c = bank_account.c
        row = (
            self._connection.execute(
                select(bank_account).where(
                    c.city == city,
                    c.fund == fund,
                    c.account_type == account_type.value,
                    c.unit == unit,
                    c.status == AccountStatus.APPROVED.value,
                )
            )
            .mappings()
            .first()
        )
        return _account(row) if row is not None else None

    def find(
        self,
        city: str | None = None,
        fund: str | None = None,
        status: AccountStatus | None = None,
        account_no: str | None = None,
    ) -> list[BankAccount]:
        c = bank_account.c
        query = select(bank_account).order_by(c.city, c.fund, c.account_type, c.unit, c.version)
        for column, value in ((c.city, city), (c.fund, fund), (c.status, status), (c.account_no, account_no)):
            if value is not None:
                query = query.where(column == value)
        return [_account(row) for row in self._connection.execute(query).mappings()]


def _says_the_same(row: RowMapping, proposal: AccountProposal) -> bool:
    return row["status"] != AccountStatus.RETIRED.value and (
        row["account_no"],
        row["account_name"],
        row["bank_name"],
    ) == (proposal.account_no, proposal.account_name, proposal.bank_name)


def _account(row: RowMapping) -> BankAccount:
    fields: dict[str, Any] = dict(row)
    fields["account_type"] = AccountType(fields["account_type"])
    fields["status"] = AccountStatus(fields["status"])
    return BankAccount(**fields)
