"""Accounts (账户管理): who works here with which rights, for the administrator of users; each act is a ``users`` command's."""

import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from fastapi import Request, Response

from fundpool.adapters.keys.passwords import Argon2Passwords
from fundpool.console.dashboard.desks.acting import acted, typed
from fundpool.console.dashboard.door import Route
from fundpool.console.dashboard.labels import N_, ROLES
from fundpool.domain.errors import FundpoolError, InputError
from fundpool.domain.policy import CityPolicy
from fundpool.domain.rights import Right, Role
from fundpool.services.ports.work import MonthPorts
from fundpool.services.users.accounts import (
    SUBJECT,
    NewAccount,
    add_account,
    disable_account,
    enable_account,
    set_password,
)
from fundpool.services.users.rights_report import rights_report

if TYPE_CHECKING:
    from fundpool.console.dashboard.app import Pages

PATH = "/users"

DONE: Mapping[str, str] = {
    "add": N_("The account is entered."),
    "disable": N_("The account is disabled; whoever was logged in with it is out."),
    "enable": N_("The account is enabled."),
    "password": N_("The password is set; every log-in of the account has ended."),
}
"""What the page says after an act."""


def routes(pages: "Pages") -> tuple[Route, ...]:
    """The page and its acts."""
    desk = UsersDesk(pages)
    return (
        Route(PATH, Right.MANAGE_USERS, desk.overview),
        Route(f"{PATH}/add", Right.MANAGE_USERS, desk.add, "POST"),
        Route(f"{PATH}/disable", Right.MANAGE_USERS, desk.disable, "POST"),
        Route(f"{PATH}/enable", Right.MANAGE_USERS, desk.enable, "POST"),
        Route(f"{PATH}/password", Right.MANAGE_USERS, desk.password, "POST"),
    )


class UsersDesk:
    """Of the machine's time throughout, as sessions and locks are, whatever the business time is."""

    def __init__(self, pages: "Pages") -> None:
        self._pages = pages
        self._passwords = Argon2Passwords()

    @property
    def _ports(self) -> MonthPorts:
        return self._pages.reader.ports

    def overview(
        self,
        request: Request,
        error: FundpoolError | None = None,
        status: int = 200,
        *,
        given: tuple[str, str] | None = None,
    ) -> Response:
        """The report of rights with the acts on each account; ``given``: whose password is shown this once, and it."""
        now = self._pages.options.time_of_day()
        report = self._ports.database.read(lambda work: rights_report(work, now))
        cities: dict[str, CityPolicy] = {city.key: city for city in self._pages.reader.cities()}
        return self._pages.page(
            request,
            "users.html",
            None,
            status_code=status,
            error=error,
            typed={
                field: "" if error is None else typed(request, field) for field in ("name", "role", "place")
            },
            done=DONE.get(request.query_params.get("done", "")),
            given=given,
            report=report,
            subject=SUBJECT,
            roles=ROLES,
            cities=cities,
        )

    def add(self, request: Request) -> Response:
        """Enter an account; without a typed password one is made up, and shown on the page that answers alone."""

        def enter(password: str) -> str:
            city, _, county = typed(request, "place").partition("/")
            wanted = NewAccount(
                typed(request, "name"), _role(typed(request, "role")), city or None, county or None
            )
            return add_account(
                self._ports,
                wanted,
                password,
                passwords=self._passwords,
                by=request.state.account.name,
                now=self._pages.options.time_of_day(),
            ).name

        return self._with_password(request, "add", enter)

    def disable(self, request: Request) -> Response:
        """Disable an account and end its sessions."""
        return self._change(request, "disable", disable_account)

    def enable(self, request: Request) -> Response:
        """Enable an account again, or end its lock-out."""
        return self._change(request, "enable", enable_account)

    def password(self, request: Request) -> Response:
        """Set another password, typed or made up."""

        def change(password: str) -> str:
            name = typed(request, "name")
            set_password(
                self._ports,
                name,
                password,
                passwords=self._passwords,
                by=request.state.account.name,
                now=self._pages.options.time_of_day(),
            )
            return name

        return self._with_password(request, "password", change)

    def _change(self, request: Request, done: str, change: Callable[..., object]) -> Response:
        def act() -> str:
            name, by, now = (
                typed(request, "name"),
                request.state.account.name,
                self._pages.options.time_of_day(),
            )
            self._ports.database.transaction(lambda work: change(work, name, by=by, now=now))
            return done

        return self._acted(request, act)

    def _with_password(self, request: Request, done: str, act: Callable[[str], str]) -> Response:
        """Act with the password of the form as it was typed, else with one made up; ``act`` returns the account's name."""
        password = str(request.state.form.get("password") or "")
        if password:
            return self._acted(request, lambda: act(password) and done)
        made_up = secrets.token_urlsafe(12)
        try:
            name = act(made_up)
        except FundpoolError as error:
            return self._acted(request, partial(_refuse, error))
        # Shown by this answer and nowhere else: no address, log or second look has it.
        return self.overview(request, given=(name, made_up))

    def _acted(self, request: Request, act: Callable[[], str]) -> Response:
        return acted(act, f"{PATH}?", again=lambda error, status: self.overview(request, error, status))


def _refuse(error: FundpoolError) -> str:
    raise error


def _role(text: str) -> Role:
    if text not in set(Role):
        raise InputError("role_missing", "须选择岗位", "choose the role", remedy="选择一个岗位 / choose one")
    return Role(text)
