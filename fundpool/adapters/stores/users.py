"""Accounts of people, their sessions and tokens, on SQL."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from fundpool.adapters.stores.store import SealedStore, local, record_of, rows_where, stored_value, values_of
from fundpool.domain.accounts import Account, ApiToken, Session
from fundpool.domain.rights import Role
from schemas.tables.users import api_token, user_account, user_session

_ACCOUNT = rows_where(user_account, "name")
_ALL = select(user_account).order_by(user_account.c.name)
_SESSION = rows_where(user_session, "token_hash")
_TOKEN = rows_where(api_token, "token_hash")
_TOKENS = select(api_token).order_by(api_token.c.account, api_token.c.issued_at, api_token.c.label)
_LAST = select(user_session.c.account, func.max(user_session.c.started_at).label("last_at")).group_by(
    user_session.c.account
)
_OPEN = rows_where(user_session, "account").where(user_session.c.ended_at.is_(None))


class SqlUsers(SealedStore):
    """``services.ports.users.UserStore`` on one connection."""

    def all(self) -> list[Account]:
        return [_account(row) for row in self._all(_ALL)]

    def find(self, name: str) -> Account | None:
        row = self._first(_ACCOUNT, name=name)
        return None if row is None else _account(row)

    def add(self, account: Account) -> None:
        self._rows.insert(user_account, values_of(self._seals.sealed(account)))

    def change(self, account: Account, **fields: Any) -> Account:
        changed = self._seals.changed(account, **fields)
        values = {name: stored_value(getattr(changed, name)) for name in ("seal", *fields)}
        self._rows.update(user_account, [user_account.c.name == account.name], values)
        return changed

    def add_session(self, session: Session) -> None:
        values = values_of(self._seals.sealed(session))
        self._rows.insert(user_session, values | {"last_seen_at": session.started_at})

    def session(self, token_hash: str) -> tuple[Session, datetime] | None:
        row = self._first(_SESSION, token_hash=token_hash)
        return None if row is None else (_session(row), local(row["last_seen_at"]))

    def seen(self, token_hash: str, at: datetime) -> None:
        self._rows.update(user_session, [user_session.c.token_hash == token_hash], {"last_seen_at": at})

    def last_log_ins(self) -> dict[str, datetime]:
        return {row["account"]: local(row["last_at"]) for row in self._all(_LAST)}

    def end_sessions(self, account: str, at: datetime, *, but: str | None = None) -> None:
        for row in self._all(_OPEN, account=account):
            if row["token_hash"] != but:
                self._end(_session(row), at)

    def end_session(self, token_hash: str, at: datetime) -> None:
        row = self._first(_SESSION, token_hash=token_hash)
        if row is not None and row["ended_at"] is None:
            self._end(_session(row), at)

    def _end(self, session: Session, at: datetime) -> None:
        ended = self._seals.changed(session, ended_at=at)
        which = [user_session.c.token_hash == session.token_hash]
        self._rows.update(user_session, which, {"ended_at": at, "seal": ended.seal})

    def tokens(self) -> list[ApiToken]:
        return [_token(row) for row in self._all(_TOKENS)]

    def token(self, token_hash: str) -> ApiToken | None:
        row = self._first(_TOKEN, token_hash=token_hash)
        return None if row is None else _token(row)

    def add_token(self, token: ApiToken) -> None:
        self._rows.insert(api_token, values_of(self._seals.sealed(token)))

    def revoke_token(self, token: ApiToken, at: datetime) -> ApiToken:
        revoked = self._seals.changed(token, revoked_at=at)
        which = [api_token.c.token_hash == token.token_hash]
        self._rows.update(api_token, which, {"revoked_at": at, "seal": revoked.seal})
        return revoked


def _account(row: Mapping[Any, Any]) -> Account:
    moments = {name: local(row[name]) for name in ("created_at", "disabled_at", "locked_until")}
    return record_of(Account, row, role=Role(row["role"]), **moments)


def _session(row: Mapping[Any, Any]) -> Session:
    return record_of(Session, row, started_at=local(row["started_at"]), ended_at=local(row["ended_at"]))


def _token(row: Mapping[Any, Any]) -> ApiToken:
    moments = {name: local(row[name]) for name in ("issued_at", "expires_at", "revoked_at")}
    return record_of(ApiToken, row, **moments)
