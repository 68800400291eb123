"""The register of bank accounts as a page: one person enters, another approves (``fundpool accounts``)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from fastapi import Request, Response

from fundpool.console.dashboard.desks.acting import acted, desk_place, obstacle, typed
from fundpool.console.dashboard.door import Route
from fundpool.console.dashboard.labels import N_
from fundpool.domain.chart_of_accounts import CASH, AccountType
from fundpool.domain.errors import FundpoolError, InputError
from fundpool.domain.people import require_other_person
from fundpool.domain.rights import Right
from fundpool.domain.transfer import AccountStatus, BankAccount
from fundpool.services.payments.bank_accounts import approve_proposed, propose_account
from fundpool.services.ports.money_ports import AccountProposal
from fundpool.services.ports.work import Transactions, Work

if TYPE_CHECKING:
    from fundpool.console.dashboard.app import Pages, Place

PATH = "/desk/accounts"

DONE: Mapping[str, str] = {
    "entered": N_("Entered. It pays and is paid once a second person has approved it."),
    "approved": N_("Approved."),
}
"""What the page says after an act."""

_NUMBER = re.compile(r"[0-9]{6,32}", re.ASCII)
"""As the register's file has it (``fundpool accounts import``)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that waits, what it would replace, and why this person may not approve it."""

    account: BankAccount
    instead_of: BankAccount | None
    may_not: FundpoolError | None


def routes(pages: "Pages") -> tuple[Route, ...]:
    """The page and its two acts."""
    desk = AccountsDesk(pages)
    return (
        Route(PATH, Right.READ_CITY, desk.register),
        Route(PATH, Right.RECORD, desk.enter, "POST"),
        Route(f"{PATH}/{{number:int}}/approve", Right.APPROVE_ACCOUNT, desk.approve, "POST"),
    )


class AccountsDesk:
    """Page and acts; each act is the service of its command."""

    def __init__(self, pages: "Pages") -> None:
        self._pages = pages

    @property
    def _database(self) -> Transactions:
        return self._pages.reader.ports.database

    def register(self, request: Request, error: FundpoolError | None = None, status: int = 200) -> Response:
        """Entries that wait, the form, and every account that is or was in use."""
        place = replace(desk_place(self._pages, request), path=PATH)
        found = self._database.read(lambda work: work.accounts.find(place.city.key))
        in_use = {_place_of(each): each for each in found if each.status is AccountStatus.APPROVED}
        account = request.state.account
        return self._pages.page(
            request,
            "desk_accounts.html",
            place,
            status_code=status,
            month_matters=False,
            error=error,
            done=DONE.get(request.query_params.get("done", "")),
            waiting=[
                Entry(
                    each,
                    in_use.get(_place_of(each)),
                    obstacle(account, Right.APPROVE_ACCOUNT, partial(_require_other, each)),
                )
                for each in found
                if each.status is AccountStatus.PROPOSED
            ],
            accounts=[each for each in found if each.status is not AccountStatus.PROPOSED],
            account_types=[each for each in AccountType if each in CASH],
            may_not=obstacle(account, Right.RECORD, lambda _name: None),
            typed=lambda field: typed(request, field) if error is not None else "",
        )

    def enter(self, request: Request) -> Response:
        """Enter one account, or a new version of it."""
        place = desk_place(self._pages, request)

        def act() -> str:
            proposal = _proposal(request, place)
            self._pages.reader.ports.policies.require_known(proposal.city, proposal.fund, proposal.unit)
            maker, now = request.state.account.name, self._pages.clock()
            self._database.transaction(lambda work: propose_account(work, proposal, maker, now=now))
            return "entered"

        return acted(act, place.url(PATH), again=partial(self.register, request))

    def approve(self, request: Request) -> Response:
        """The second person approves one entry."""
        place, number = desk_place(self._pages, request), request.path_params["number"]
        checker, now = request.state.account.name, self._pages.clock()

        def approve(work: Work) -> None:
            if work.accounts.get(number).city != place.city.key:
                raise InputError(
                    "account_unknown",
                    f"{place.city.name_zh}的账户登记簿中没有第 {number} 号",
                    f"the account register of {place.city.name_en} has no entry {number}",
                )
            approve_proposed(work, number, None, checker=checker, now=now)

        def act() -> str:
            self._database.transaction(approve)
            return "approved"

        return acted(act, place.url(PATH), again=partial(self.register, request))


def _proposal(request: Request, place: "Place") -> AccountProposal:
    """What was typed. Raises InputError ``account_incomplete``."""
    kind, number = typed(request, "account_type"), typed(request, "account_no").replace(" ", "")
    if kind not in CASH or not _NUMBER.fullmatch(number) or not typed(request, "account_name"):
        raise InputError(
            "account_incomplete",
            "账户须有类型、户名和 6 至 32 位数字的账号",
            "an account needs a type, a name and a number of 6 to 32 digits",
            remedy="照开户资料填写 / as the bank's papers have it",
        )
    return AccountProposal(
        city=place.city.key,
        fund=typed(request, "fund"),
        unit=typed(request, "unit"),
        account_type=AccountType(kind),
        account_no=number,
        account_name=typed(request, "account_name"),
        bank_name=typed(request, "bank_name"),
    )


def _place_of(account: BankAccount) -> tuple[str, str, AccountType]:
    return account.unit, account.fund, account.account_type


def _require_other(entry: BankAccount, name: str) -> None:
    require_other_person(name, entry.maker, act_zh="账户复核", act_en="approving an account")
