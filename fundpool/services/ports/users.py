"""Accounts of people, their sessions, tokens and passwords, as the use cases see them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from fundpool.domain.accounts import Account, ApiToken, Session
from fundpool.domain.errors import RuleViolation


class UserStore(Protocol):
    """Accounts, sessions and tokens as they stand, whether they bear their seals or not."""

    def all(self) -> list[Account]:
        """Every account, by name."""

    def find(self, name: str) -> Account | None: ...

    def add(self, account: Account) -> None:
        """Seal it and write it."""

    def change(self, account: Account, **fields: Any) -> Account:
        """Set fields of an account; a seal that was broken stays broken."""

    def add_session(self, session: Session) -> None:
        """Seal it and write it, last seen when it started."""

    def session(self, token_hash: str) -> tuple[Session, datetime] | None:
        """The session and when it was last seen."""

    def seen(self, token_hash: str, at: datetime) -> None:
        """The session is in use; no fact for the trail."""

    def last_log_ins(self) -> Mapping[str, datetime]:
        """When each account that ever logged in did so last, by its name."""

    def end_sessions(self, account: str, at: datetime, *, but: str | None = None) -> None:
        """End the account's sessions that are not ended, all ``but`` the one with this token hash."""

    def end_session(self, token_hash: str, at: datetime) -> None:
        """End one session, unless it is."""

    def tokens(self) -> list[ApiToken]:
        """Every token, by account and the moment it was issued."""

    def token(self, token_hash: str) -> ApiToken | None: ...

    def add_token(self, token: ApiToken) -> None:
        """Seal it and write it."""

    def revoke_token(self, token: ApiToken, at: datetime) -> ApiToken:
        """It lets nobody in from now on."""


class Passwords(Protocol):
    """Hashes passwords slowly; no database transaction waits for it."""

    def hash(self, password: str) -> str: ...

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether it is the password; None takes as long, and never is."""


class IdentityProvider(Protocol):
    """Where people log in outside of our pages, and come back from with a code.

    ``secret`` is known to the person's browser alone; ``back`` is the address of ours that they come back to.
    """

    def address(self, secret: str, back: str) -> str:
        """Where to send the browser. Raises ServiceUnavailable when the provider is away."""

    def is_answer(self, secret: str, state: str) -> bool:
        """Whether what comes back was begun by the browser that has the secret."""

    def name_of(self, secret: str, code: str, *, back: str, now: datetime) -> str:
        """The name that the provider vouches for.

        Raises RuleViolation ``provider_refused`` when it vouches for nobody, ServiceUnavailable when it is away.
        """


def provider_refused() -> RuleViolation:
    """Nobody is logged in; whatever the reason, the page says the same."""
    return RuleViolation(
        "provider_refused",
        "统一身份认证没有确认您在此的账户，未登录",
        "the identity provider did not confirm an account of yours here; you are not logged in",
        remedy="重新登录；仍不行用本系统口令登录 / log in again, or with your password here",
    )
