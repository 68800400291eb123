"""Accounts of a played month: one for everybody who acted in it, so that whoever watched can go on where it stands.

They are entered when the month is over: before, the demo's pages are open to everybody.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from fundpool.adapters.keys.passwords import Argon2Passwords
from fundpool.console.demo.script import Script
from fundpool.domain.rights import Role
from fundpool.private_files import read_private
from fundpool.services.ports.work import MonthPorts
from fundpool.services.users.accounts import NewAccount, add_account, has_accounts

_ADMINISTRATOR = "安全管理员"

_ROLES: Mapping[str, Role] = {
    "maker": Role.MAKER,
    "accounts_clerk": Role.MAKER,
    "checker": Role.CHECKER,
    "accounts_checker": Role.CHECKER,
    "approver": Role.CHECKER,
    "finance": Role.RELEASER,
    "releaser": Role.RELEASER,
}
"""The role of each person of a script."""


def open_log_ins(
    ports: MonthPorts, script: Script, file: Path, *, now: datetime
) -> tuple[dict[str, Role], str]:
    """Names with their roles, and the password of all of them, which ``file`` keeps for the next start."""
    city = script.city
    county = ports.policies.city(city).units[0]
    people = {script.people[name]: role for name, role in _ROLES.items()}
    people |= {
        f"{county.name_zh}经办": Role.COUNTY_SUBMIT,
        "稽核员": Role.AUDITOR,
        _ADMINISTRATOR: Role.SEC_ADMIN,
        "系统管理员": Role.SYS_ADMIN,
    }
    kept = read_private(file)
    password = secrets.token_urlsafe(9) if kept is None else kept.decode()
    if kept is None:
        file.touch(mode=0o600)
        file.write_text(password, encoding="utf-8")
    if not ports.database.read(has_accounts):
        for name in sorted(people, key=lambda each: each != _ADMINISTRATOR):
            role = people[name]
            is_city = role in {Role.SEC_ADMIN, Role.SYS_ADMIN}
            wanted = NewAccount(
                name,
                role,
                None if is_city else city,
                county.code if role is Role.COUNTY_SUBMIT else None,
            )
            by = None if name == _ADMINISTRATOR else _ADMINISTRATOR
            add_account(ports, wanted, password, passwords=Argon2Passwords(), by=by, now=now)
    return people, password
