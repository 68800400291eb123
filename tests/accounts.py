"""Accounts for tests, without the slow hashing that keeps real passwords safe."""

from datetime import datetime

from fundpool.domain.accounts import Account
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.rights import Role
from fundpool.services.ports.work import Transactions
from fundpool.services.users.sessions import log_in

PASSWORD = "correct horse battery staple"
BEGAN = datetime(2026, 9, 1, 8, 0, tzinfo=SHANGHAI)


class QuickPasswords:
    """``Passwords`` that hides nothing and waits for nothing."""

    def __init__(self) -> None:
        self.verified = 0

    def hash(self, password: str) -> str:
        return f"quick:{password}"

    def verify(self, password_hash: str | None, password: str) -> bool:
        self.verified += 1
        return password_hash == self.hash(password)


def enter(
    database: Transactions, name: str, role: Role, city: str | None = None, county: str | None = None
) -> Account:
    """An account whose password is PASSWORD, entered without an administrator."""
    account = Account(name, role, city, county, f"quick:{PASSWORD}", BEGAN, "system")
    database.transaction(lambda work: work.users.add(account))
    return account


def token_of(database: Transactions, name: str, now: datetime | None = None) -> str:
    """The token of a log-in just now, or at ``now``."""
    token = log_in(database, name, PASSWORD, passwords=QuickPasswords(), now=now or datetime.now(SHANGHAI))
    assert token is not None
    return token


def auditor_of(database: Transactions) -> str:
    """The token of somebody who reads everything."""
    return token_of(database, enter(database, "齐稽核", Role.AUDITOR).name)
