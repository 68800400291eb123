"""Accounts of the people who work here, the sessions they log in to, the tokens of their programs.

An account's name is the person's own: it is what every record holds as the one who acted, so that no account's
name may be taken for another's (``domain/people.same_person``).
"""

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.people import is_stated
from fundpool.domain.rights import RIGHTS, Right, Role

NAME_LENGTH = 64
PASSWORD_LENGTH = 12
PASSWORD_LENGTH_MOST = 256
"""Longer ones are refused, never cut off."""
_DIFFERENT_CHARACTERS = 5

FAILURES_ALLOWED = 5
LOCKED_FOR = timedelta(minutes=15)
IDLE_FOR = timedelta(minutes=30)
"""A session ends when nobody used it for so long,"""
LASTS = timedelta(hours=12)
"""and this long after its log-in at the latest."""


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may log in; one role, in one city or (None) in every city that runs here."""

    name: str
    role: Role
    city: str | None
    county: str | None
    """The county's code, of a county's account alone."""
    password_hash: str = field(repr=False)
    created_at: datetime
    created_by: str
    disabled_at: datetime | None = None
    failed_logins: int = 0
    """Log-ins that were begun since the last one that succeeded."""
    locked_until: datetime | None = None
    seal: str | None = field(default=None, compare=False, repr=False)
    """See ``fundpool.domain.sealing``."""

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None

    def is_locked(self, now: datetime) -> bool:
        """Whether too many log-ins failed a short while ago."""
        return self.locked_until is not None and now < self.locked_until

    def may(self, right: Right) -> bool:
        """Whether the role has the right; where it may be used is another question (``require_place``)."""
        return self.is_enabled and right in RIGHTS[self.role]

    def require(self, right: Right) -> None:
        """Raise RuleViolation ``right_missing`` unless the account is enabled and its role has the right."""
        if not self.may(right):
            raise RuleViolation(
                "right_missing",
                f"账户“{self.name}”（{self.role}）{'' if self.is_enabled else '已停用，'}无权办理：{right}",
                f"the account {self.name} ({self.role}){'' if self.is_enabled else ', disabled,'} has no right: {right}",
                basis="社会保险经办机构内部控制：岗位不相容、权限分离",
                remedy="由有权的人办理 / have somebody do it whose role has the right: docs/people.md",
            )

    def require_place(self, city: str | None, county: str | None = None) -> None:
        """Raise RuleViolation ``other_place`` for a city or county that is not the account's.

        ``city`` None is every city; ``county`` None the whole city, which no county's account may reach.
        """
        if self.city is None or (self.city == city and self.county in {None, county}):
            return
        own = "/".join(filter(None, (self.city, self.county)))
        raise RuleViolation(
            "other_place",
            f"账户“{self.name}”只限 {own}",
            f"the account {self.name} is for {own} alone",
            remedy="由该地的账户办理 / have an account of that place do it",
        )


@dataclass(frozen=True, slots=True)
class Session:
    """A log-in; the token itself is with the browser alone."""

    token_hash: str
    """SHA-256 of the token, in hex."""
    account: str
    started_at: datetime
    ended_at: datetime | None = None
    seal: str | None = field(default=None, compare=False, repr=False)


TOKEN_DAYS = 90
"""So long a token of the API lets in unless told otherwise,"""
TOKEN_DAYS_MOST = 366
"""and this long at most."""
LABEL_LENGTH = 64


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What lets a program in as an account, through the API alone; the token itself is with the program alone."""

    token_hash: str = field(repr=False)
    """SHA-256 of the token, in hex."""
    account: str
    label: str
    """Which program holds it; no two tokens of an account are called alike."""
    issued_at: datetime
    issued_by: str
    expires_at: datetime
    revoked_at: datetime | None = None
    seal: str | None = field(default=None, compare=False, repr=False)

    def is_valid(self, now: datetime) -> bool:
        """Whether it is neither revoked nor out of date."""
        return self.revoked_at is None and now < self.expires_at


def is_over(session: Session, last_seen_at: datetime, now: datetime) -> bool:
    """Whether a session was ended, stood idle for too long or lasted too long."""
    return session.ended_at is not None or now - last_seen_at >= IDLE_FOR or now - session.started_at >= LASTS


def as_typed(password: str) -> str:
    """The password as it is hashed: alike from every keyboard (NFKC, as NIST SP 800-63B asks)."""
    return unicodedata.normalize("NFKC", password)


def require_good_password(name: str, password: str) -> None:
    """Raise InputError ``password_weak`` for a short one, one of few characters, or one that has the name in it."""
    typed = as_typed(password)
    if len(typed) < PASSWORD_LENGTH:
        zh, en = f"不足 {PASSWORD_LENGTH} 个字符", f"is shorter than {PASSWORD_LENGTH} characters"
    elif len(typed) > PASSWORD_LENGTH_MOST:
        zh, en = f"超过 {PASSWORD_LENGTH_MOST} 个字符", f"is longer than {PASSWORD_LENGTH_MOST} characters"
    elif len(set(typed)) < _DIFFERENT_CHARACTERS or not is_stated(typed):
        zh, en = "重复的字符太多", "repeats few characters"
    elif name.casefold() in typed.casefold():
        zh, en = "含有姓名", "has the name in it"
    else:
        return
    raise InputError(
        "password_weak",
        f"口令{zh}",
        f"the password {en}",
        remedy=f"至少 {PASSWORD_LENGTH} 个字符，几个不相干的词即可 / at least {PASSWORD_LENGTH} characters; a few unrelated words "
        "will do",
    )
