"""Who acts by a command: ``--by`` names an account that has the right, where accounts decide (docs/people.md)."""

import functools
import inspect
import pwd
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from os import getuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from fundpool.console.options import Dated, Options
from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.people import SYSTEM
from fundpool.domain.rights import Right

if TYPE_CHECKING:
    from fundpool.domain.accounts import Account
    from fundpool.services.ports.work import Work

P = ParamSpec("P")
T = TypeVar("T")

Place = tuple[str | None, str | None]
"""City and county that an act is about; None for every one."""

_UNSET = 2**32 - 1
"""What Linux says of a process that no log-in began."""


def acts(
    right: Right, place: "Callable[[Work, Mapping[str, Any]], Place] | None" = None
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """For a command with ``--by``: it runs only for an enabled account with the right, for the place of the act.

    ``place`` finds it in the database from the command's arguments; without it they name it. The person is
    handed on by the account's name, and every audit record of the command bears the operating system's user.
    """

    def for_command(command: Callable[P, T]) -> Callable[P, T]:
        signature = inspect.signature(command)

        @functools.wraps(command)
        def checked(*given: P.args, **named: P.kwargs) -> T:
            bound = signature.bind(*given, **named)
            bound.apply_defaults()
            name = _acting(bound.arguments, right, place)
            if name is None:  # a sandbox without accounts
                return command(*given, **named)
            if "act" in bound.arguments:
                bound.arguments["act"] = replace(bound.arguments["act"], by=name)
            else:
                bound.arguments["by"] = name
            with noting_user_of_machine():
                return command(*bound.args, **bound.kwargs)

        checked.right = right  # type: ignore[attr-defined]
        return checked

    return for_command


def _acting(
    arguments: Mapping[str, Any], right: Right, place: "Callable[[Work, Mapping[str, Any]], Place] | None"
) -> str | None:
    """The name of the account that acts; None where no account decides."""
    from fundpool.services.users.accounts import account_named, has_accounts, is_enforced

    options: Options = arguments.get("act") or arguments["options"]
    if isinstance(options, Dated):
        options.now  # noqa: B018 - a business time that a real installation does not take is refused first
    given: str | None = arguments["act"].by if "act" in arguments else arguments["by"]

    def look(work: "Work") -> "tuple[Account, Place] | None":
        if not is_enforced(work):
            return None
        if not has_accounts(work):
            raise no_accounts()
        if given is None or given == SYSTEM:
            raise InputError(
                "person_missing", "须写明经办人姓名", "a person must be named", remedy="--by NAME"
            )
        account = account_named(work, given)
        account.require(right)
        return account, (None, None) if place is None else place(work, arguments)

    found = options.read(look)
    if found is None:
        return None
    account, (city, county) = found
    if account.city is not None:
        if place is None:
            act = arguments.get("act")
            named = arguments.get("city") or getattr(act, "city", None)
            city, county = options.city_of(named), arguments.get("county")
            county = county if isinstance(county, str) else None
        account.require_place(city, county)
    return account.name


def no_accounts() -> RuleViolation:
    """Nobody may act on a real installation before there are accounts."""
    return RuleViolation(
        "no_accounts",
        "尚无账户，不能办理",
        "there is no account yet: nobody may act",
        remedy="fundpool users add NAME --role sec_admin (docs/people.md)",
    )


def of_payment(work: "Work", arguments: Mapping[str, Any]) -> Place:
    """The city of the payment that the command is about."""
    return work.payments.obligation(arguments["transfer_id"]).city, None


def of_break(work: "Work", arguments: Mapping[str, Any]) -> Place:
    """The city of the break that the command is about."""
    found = [each for each in work.breaks.find(only_open=False) if each.id == arguments["break_id"]]
    return (found[0].city if found else None), None


def of_account_entry(work: "Work", arguments: Mapping[str, Any]) -> Place:
    """The city of the entry of the register of bank accounts, or the one named."""
    number = arguments["account_id"]
    return (arguments["city"] if number is None else work.accounts.get(number).city), None


def of_account_file(_work: "Work", arguments: Mapping[str, Any]) -> Place:
    """The city of every row of a file of bank accounts; None where they are of several."""
    from fundpool.adapters.documents.record_files import read_accounts

    cities = {row.city for row in read_accounts(arguments["file"]).rows}
    return (cities.pop() if len(cities) == 1 else None), None


@contextmanager
def noting_user_of_machine() -> Iterator[None]:
    """Audit records that are made meanwhile bear the operating system's user."""
    from fundpool.adapters.stores.audit import os_user

    token = os_user.set(_user_of_machine())
    try:
        yield
    finally:
        os_user.reset(token)


def _user_of_machine() -> str:
    """The operating system's user of this process; behind ``sudo``, also who logged in to the machine."""
    user = _name_of(getuid())
    try:
        login = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return user
    return user if login in {_UNSET, getuid()} else f"{user} ({_name_of(login)})"


def _name_of(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
