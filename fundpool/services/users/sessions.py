"""Log-in, log-out, and whose request it is.

A log-in is counted before its password is looked at, and the count taken back when it was right: any number of
guesses at once are not more than a few in a row. Whatever keeps somebody out, the answer is the same and takes as
long.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from fundpool.domain.accounts import (
    FAILURES_ALLOWED,
    LOCKED_FOR,
    PASSWORD_LENGTH_MOST,
    Account,
    Session,
    as_typed,
    is_over,
    require_good_password,
)
from fundpool.domain.errors import FundpoolError, InputError
from fundpool.domain.people import SYSTEM, person
from fundpool.services.payments.seals import require_latest
from fundpool.services.ports.users import Passwords
from fundpool.services.ports.work import Transactions, Work
from fundpool.services.users.accounts import find_account, is_enforced, put_password, subject_of

SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is known when a session was used last: not every page writes to the database."""


def token_hash(token: str) -> str:
    """What the database keeps of a token."""
    return sha256(token.encode()).hexdigest()


def is_password(
    database: Transactions, name: str, password: str, *, passwords: Passwords, now: datetime
) -> Account | None:
    """The enabled account whose password this is, else None; counted as a log-in, and locked out as one."""
    claimed = database.transaction(lambda work: _claim(work, name, now))
    typed = as_typed(password)[: PASSWORD_LENGTH_MOST + 1]
    if not passwords.verify(None if claimed is None else claimed.password_hash, typed) or claimed is None:
        if claimed is not None and claimed.locked_until is not None:
            database.transaction(lambda work: _note_lock(work, claimed, now))
        return None
    return database.transaction(lambda work: _succeed(work, claimed))


def _claim(work: Work, name: str, now: datetime) -> Account | None:
    """Count a log-in of the account; None where none can succeed."""
    try:
        account = find_account(work, person(name))
    except FundpoolError:
        return None
    if account is None or not account.is_enabled or account.is_locked(now):
        return None
    failed = 1 + (account.failed_logins if account.locked_until is None else 0)
    locked_until = now + LOCKED_FOR if failed >= FAILURES_ALLOWED else None
    return work.users.change(account, failed_logins=failed, locked_until=locked_until)


def _note_lock(work: Work, account: Account, now: datetime) -> None:
    after = {"locked_until": account.locked_until and account.locked_until.isoformat()}
    work.audit.append(at=now, actor=SYSTEM, action="lock_user", subject=subject_of(account.name), after=after)


def _succeed(work: Work, claimed: Account) -> Account | None:
    account = find_account(work, claimed.name)
    if account is None or not account.is_enabled or account.password_hash != claimed.password_hash:
        return None
    return work.users.change(account, failed_logins=0, locked_until=None)


def log_in(
    database: Transactions, name: str, password: str, *, passwords: Passwords, now: datetime
) -> str | None:
    """A new session's token, which the browser alone keeps; None when nobody is let in, for whatever reason."""
    account = is_password(database, name, password, passwords=passwords, now=now)
    if account is None:
        return None
    return database.transaction(lambda work: _begin(work, account, now))


def log_in_confirmed(database: Transactions, name: str, *, now: datetime) -> str | None:
    """A new session's token for somebody whose name the identity provider vouches for.

    None unless an enabled account that is not locked out bears exactly this name: none is ever made up.
    """

    def begin(work: Work) -> str | None:
        try:
            account = find_account(work, name)
        except FundpoolError:
            return None
        if account is None or not account.is_enabled or account.is_locked(now):
            return None
        return _begin(work, account, now)

    return database.transaction(begin)


def _begin(work: Work, account: Account, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    work.users.add_session(Session(token_hash(token), account.name, now))
    return token


def log_out(database: Transactions, token: str, now: datetime) -> None:
    """End the session of the token."""
    database.transaction(lambda work: work.users.end_session(token_hash(token), now))


def change_password(
    database: Transactions, name: str, old: str, *, new: str, passwords: Passwords, now: datetime
) -> bool:
    """Let a person choose their own password: the administrator who gave the first one knows it.

    Every session ends. False when ``old`` is not the password. Raises InputError for a weak one, or the old one.
    """
    require_good_password(name, new)
    if as_typed(new) == as_typed(old):
        raise InputError("password_same", "新口令与原口令相同", "the new password is the old one")
    account = is_password(database, name, old, passwords=passwords, now=now)
    if account is None:
        return False
    hashed = passwords.hash(as_typed(new))

    def change(work: Work) -> None:
        put_password(work, account, hashed, by=account.name, now=now)

    database.transaction(change)
    return True


@dataclass(frozen=True, slots=True)
class Visit:
    """Whose request it is."""

    account: Account | None
    """None: nobody is logged in."""
    is_enforced: bool
    """Whether it matters (``accounts.is_enforced``)."""


def visit_of(database: Transactions, token: str | None, now: datetime) -> Visit:
    """Who is logged in with the token, as the database stands now.

    Raises RuleViolation where account or session were changed behind the program.
    """
    hashed = None if token is None else token_hash(token)

    def look(work: Work) -> tuple[Visit, datetime | None]:
        found = None if hashed is None else work.users.session(hashed)
        if found is None or is_over(*found, now) or not _is_whole(work, found[0]):
            return Visit(None, is_enforced(work)), None
        session, seen_at = found
        account = find_account(work, session.account)
        if account is None or not account.is_enabled:
            return Visit(None, is_enforced=True), None
        return Visit(account, is_enforced=True), seen_at

    visit, seen_at = database.read(look)
    if hashed is not None and seen_at is not None and now - seen_at >= SEEN_EVERY:
        database.transaction(lambda work: work.users.seen(hashed, now))
    return visit


def _is_whole(work: Work, session: Session) -> bool:
    if not work.seals.hold(session):
        return False
    require_latest(work, session)
    return True
