"""Accounts: who is entered, by whom, and what a person may do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fundpool.domain.accounts import NAME_LENGTH, Account, as_typed, require_good_password
from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.people import SYSTEM, person, same_person
from fundpool.domain.policy import require_county
from fundpool.domain.rights import Right, Role
from fundpool.services.payments.installation import is_sandbox
from fundpool.services.payments.seals import broken_seal, require_latest
from fundpool.services.ports.users import Passwords
from fundpool.services.ports.work import MonthPorts, Work


def is_enforced(work: Work) -> bool:
    """Whether accounts decide who may do what: always, but in a sandbox that never had one."""
    return not is_sandbox(work) or has_accounts(work)


def has_accounts(work: Work) -> bool:
    """Whether an account was ever entered, though somebody deleted its row since."""
    return bool(work.latest.of_place("user_account", ""))


def account_named(work: Work, name: str) -> Account:
    """The account of this name, enabled or not.

    Raises InputError ``user_unknown``, and RuleViolation where it was changed behind the program.
    """
    account = find_account(work, person(name))
    if account is None:
        raise InputError(
            "user_unknown",
            f"没有名为“{name}”的账户",
            f"there is no account of the name {name}",
            remedy="fundpool users list；fundpool users add 姓名 --role 角色 / fundpool users add NAME --role ROLE",
        )
    return account


def find_account(work: Work, name: str) -> Account | None:
    """The account of exactly this name; raises RuleViolation where it was changed behind the program."""
    account = work.users.find(name)
    if account is not None:
        if not work.seals.hold(account):
            raise broken_seal(f"user_account {name}")
        require_latest(work, account)
    return account


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account as it is asked for; ``city`` None for every city that runs here."""

    name: str
    role: Role
    city: str | None = None
    county: str | None = None


def add_account(
    ports: MonthPorts,
    wanted: NewAccount,
    password: str,
    *,
    passwords: Passwords,
    by: str | None,
    now: datetime,
) -> Account:
    """Enter an account; ``by`` names the administrator of users, None for the first one.

    Raises InputError for a name that is none, a weak password or a wrong place, RuleViolation for a name that could
    be taken for another account's, and where ``by`` may not enter accounts.
    """
    name = person(wanted.name)
    if len(name) > NAME_LENGTH:
        raise InputError("name_too_long", "姓名过长", "the name is too long")
    _require_place(ports, wanted)
    require_good_password(name, password)
    password_hash = passwords.hash(as_typed(password))

    def add(work: Work) -> Account:
        creator = _creator(work, wanted.role, by)
        for other in work.users.all():
            if same_person(other.name, name):
                raise RuleViolation(
                    "user_exists",
                    f"“{name}”与已有账户“{other.name}”不能区分",
                    f"{name} cannot be told from the account {other.name}",
                    remedy="同名者加区别，如籍贯或乳名 / tell namesakes apart in the name itself",
                )
        account = Account(
            name=name,
            role=wanted.role,
            city=wanted.city,
            county=wanted.county,
            password_hash=password_hash,
            created_at=now,
            created_by=creator,
        )
        work.users.add(account)
        work.audit.append(
            at=now, actor=creator, action="add_user", subject=subject_of(name), after=_shown(account)
        )
        return account

    return ports.database.transaction(add)


def _creator(work: Work, role: Role, by: str | None) -> str:
    if not has_accounts(work):
        if role is not Role.SEC_ADMIN:
            raise RuleViolation(
                "first_user",
                "首个账户须是安全管理员，其余账户由其登记",
                "the first account is an administrator of users, who enters the others",
                remedy="fundpool users add NAME --role sec_admin",
            )
        return SYSTEM
    if by is None:
        raise InputError("person_missing", "须写明经办人姓名", "a person must be named", remedy="--by NAME")
    administrator = account_named(work, by)
    administrator.require(Right.MANAGE_USERS)
    return administrator.name


def _require_place(ports: MonthPorts, wanted: NewAccount) -> None:
    is_countys = wanted.role is Role.COUNTY_SUBMIT
    if is_countys is not (wanted.county is not None) or (is_countys and wanted.city is None):
        raise InputError(
            "user_place",
            "县区账户须写明城市与县区，其他账户不写县区",
            "a county's account names its city and county; no other account names a county",
            remedy="--role county_submit --city CITY --county CODE",
        )
    if wanted.city is not None:
        ports.policies.require_known(wanted.city)
        if wanted.county is not None:
            require_county(ports.policies.city(wanted.city), wanted.county)


def disable_account(work: Work, name: str, *, by: str, now: datetime) -> Account:
    """Disable an account and end its sessions at once; it stays on record. Disabling it again changes nothing.

    Raises RuleViolation ``last_administrator`` for the last one who could enter accounts.
    """
    administrator = account_named(work, by)
    administrator.require(Right.MANAGE_USERS)
    account = account_named(work, name)
    if not account.is_enabled:
        return account
    others = [each for each in work.users.all() if each.name != account.name]
    if account.may(Right.MANAGE_USERS) and not any(each.may(Right.MANAGE_USERS) for each in others):
        raise RuleViolation(
            "last_administrator",
            "这是最后一名安全管理员，停用后无人能登记账户",
            "this is the last administrator of users: nobody could enter accounts any more",
            remedy="先登记另一名 / enter another one first: fundpool users add NAME --role sec_admin",
        )
    disabled = work.users.change(account, disabled_at=now)
    work.users.end_sessions(account.name, now)
    work.audit.append(
        at=now,
        actor=administrator.name,
        action="disable_user",
        subject=subject_of(account.name),
        before=_shown(account),
        after=_shown(disabled),
    )
    return disabled


def enable_account(work: Work, name: str, *, by: str, now: datetime) -> Account:
    """Let somebody in again: an account that was disabled, or locked out by wrong passwords; the password stays.

    Changes nothing where neither holds. Raises RuleViolation unless ``by`` is an administrator of users.
    """
    administrator = account_named(work, by)
    administrator.require(Right.MANAGE_USERS)
    account = account_named(work, name)
    if account.is_enabled and account.locked_until is None:
        return account
    enabled = work.users.change(account, disabled_at=None, failed_logins=0, locked_until=None)
    work.audit.append(
        at=now,
        actor=administrator.name,
        action="enable_user",
        subject=subject_of(account.name),
        before=_shown(account),
        after=_shown(enabled),
    )
    return enabled


def set_password(
    ports: MonthPorts, name: str, password: str, *, passwords: Passwords, by: str, now: datetime
) -> None:
    """Give somebody another password; ends a lock-out, and every session of the account.

    Raises InputError for a weak password, RuleViolation unless ``by`` is an administrator of users.
    """
    require_good_password(person(name), password)
    password_hash = passwords.hash(as_typed(password))

    def change(work: Work) -> None:
        administrator, account = account_named(work, by), account_named(work, name)
        administrator.require(Right.MANAGE_USERS)
        put_password(work, account, password_hash, by=administrator.name, now=now)

    ports.database.transaction(change)


def put_password(work: Work, account: Account, password_hash: str, *, by: str, now: datetime) -> None:
    """Write the hash of a new password, and end what was begun with the one before."""
    work.users.change(account, password_hash=password_hash, failed_logins=0, locked_until=None)
    work.users.end_sessions(account.name, now)
    work.audit.append(at=now, actor=by, action="set_password", subject=subject_of(account.name))


def _shown(account: Account) -> dict[str, Any]:
    return {
        "role": account.role.value,
        "city": account.city,
        "county": account.county,
        "disabled_at": account.disabled_at and account.disabled_at.isoformat(),
        "locked_until": account.locked_until and account.locked_until.isoformat(),
    }


SUBJECT = "user:"
"""What stands before an account's name in the audit trail."""


def subject_of(name: str) -> str:
    """How the audit trail names an account."""
    return f"{SUBJECT}{name}"
