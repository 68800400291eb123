"""Accounts of people, their sessions, tokens and passwords, as the use cases see them."""

from datetime import datetime
from typing import Any, Protocol

from fundpool.domain.accounts import Account, ApiToken, Session


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
