"""Tokens of the API: what a program comes in with, as an account and with no more rights than it has.

An administrator of users issues one, for a time; the database keeps its hash alone. It lets in as long as the
account does, and no further than the API: what asks for a password cannot be done with it.
"""

import secrets
from datetime import datetime, timedelta

from fundpool.domain.accounts import LABEL_LENGTH, TOKEN_DAYS_MOST, ApiToken
from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.people import is_stated
from fundpool.domain.rights import Right
from fundpool.services.payments.seals import broken_seal, require_latest
from fundpool.services.ports.work import Transactions, Work
from fundpool.services.users.accounts import account_named, find_account, is_enforced, subject_of
from fundpool.services.users.sessions import Visit, token_hash

PREFIX = "fundpool_"
"""By it a scanner of source code finds a token that somebody left there."""


def issue_token(
    work: Work, name: str, label: str, *, days: int, by: str, now: datetime
) -> tuple[ApiToken, str]:
    """A new token of the account, and the text that lets in: nobody can read it a second time.

    Raises InputError for a label that says nothing and for a wrong number of ``days``, RuleViolation for a label
    that the account has already, for a disabled account, and unless ``by`` is an administrator of users.
    """
    administrator, account = account_named(work, by), account_named(work, name)
    administrator.require(Right.MANAGE_USERS)
    label = " ".join(label.split())
    if not is_stated(label) or not label.isprintable() or len(label) > LABEL_LENGTH:
        raise InputError(
            "bad_label",
            f"名称须是 1 至 {LABEL_LENGTH} 个字符",
            f"a label has 1 to {LABEL_LENGTH} characters",
            remedy="写明哪个程序使用 / say which program holds it",
        )
    if not 1 <= days <= TOKEN_DAYS_MOST:
        raise InputError(
            "bad_days",
            f"有效天数须在 1 至 {TOKEN_DAYS_MOST} 之间，现为 {days}",
            f"a token is valid for 1 to {TOKEN_DAYS_MOST} days, found {days}",
            remedy="--days 90",
        )
    if not account.is_enabled:
        raise RuleViolation(
            "user_disabled", f"账户“{account.name}”已停用", f"the account {account.name} is disabled"
        )
    if any((each.account, each.label) == (account.name, label) for each in work.users.tokens()):
        raise RuleViolation(
            "token_exists",
            f"账户“{account.name}”已有名为“{label}”的令牌",
            f"the account {account.name} has a token called {label} already",
            remedy="换一个名称 / give it another --label",
        )
    text = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        token_hash=token_hash(text),
        account=account.name,
        label=label,
        issued_at=now,
        issued_by=administrator.name,
        expires_at=now + timedelta(days=days),
    )
    work.users.add_token(token)
    work.audit.append(
        at=now,
        actor=administrator.name,
        action="issue_token",
        subject=subject_of(account.name),
        after={"label": label, "expires_at": token.expires_at.isoformat()},
    )
    return token, text


def revoke_token(work: Work, name: str, label: str, *, by: str, now: datetime) -> ApiToken:
    """Let the token in no more; revoking it again changes nothing. Raises InputError ``token_unknown``."""
    administrator, account = account_named(work, by), account_named(work, name)
    administrator.require(Right.MANAGE_USERS)
    label = " ".join(label.split())
    found = [each for each in work.users.tokens() if (each.account, each.label) == (account.name, label)]
    if not found:
        raise InputError(
            "token_unknown",
            f"账户“{account.name}”没有名为“{label}”的令牌",
            f"the account {account.name} has no token called {label}",
            remedy="fundpool users tokens",
        )
    if found[0].revoked_at is not None:
        return found[0]
    revoked = work.users.revoke_token(found[0], now)
    work.audit.append(
        at=now,
        actor=administrator.name,
        action="revoke_token",
        subject=subject_of(account.name),
        before={"label": label},
    )
    return revoked


def visit_with_token(database: Transactions, text: str, now: datetime) -> Visit:
    """Whose token it is, as the database stands now; nobody for one that is unknown, revoked or out of date.

    Raises RuleViolation where account or token were changed behind the program.
    """

    def look(work: Work) -> Visit:
        token = work.users.token(token_hash(text))
        if token is None:
            return Visit(None, is_enforced(work))
        if not work.seals.hold(token):
            raise broken_seal(f"api_token {token.account} {token.label}")
        require_latest(work, token)
        account = find_account(work, token.account)
        if account is None or not account.is_enabled or not token.is_valid(now):
            return Visit(None, is_enforced=True)
        return Visit(account, is_enforced=True)

    return database.read(look)
