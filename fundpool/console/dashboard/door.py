"""Who comes in to the pages: log-in by cookie, rights of each route, forms that only our own pages can send.

A form bears a token derived from a secret cookie (the session's, and before log-in one of its own), which no other
site can know; what a browser says of where a form comes from is looked at too.
"""

import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from fundpool.domain.accounts import LASTS, Account
from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.rights import READING, Right
from fundpool.services.ports.users import IdentityProvider, Passwords, provider_refused
from fundpool.services.ports.work import Transactions
from fundpool.services.users import sessions
from fundpool.services.users.sessions import Visit, visit_of
from fundpool.services.users.tokens import visit_with_token

FILES_AT_ONCE = 50
"""Files that one form may bring."""

LOG_IN_NEEDED, TOKEN_NEEDED = "log_in_needed", "token_needed"
"""Codes of the errors by which nobody is let in: from the pages, and from the API."""

WAY_BACK = "/login/provider/return"

_AT_PROVIDER_S = 600
"""How long somebody may take at the identity provider."""

_WANTED_MOST = 1000
"""Characters of the address to go on to that are kept meanwhile."""

_log = logging.getLogger(__name__)


class Access(Enum):
    """What a route needs where it is no right."""

    ANYBODY = "anybody"
    LOGGED_IN = "logged_in"


Page = Callable[[Request], Response]


@dataclass(frozen=True)
class Route:
    """A page or an act: where it is, what it needs, what answers. Without ``needs`` there is none."""

    path: str
    needs: Right | Access
    page: Page
    method: str = "GET"


def log_in_needed() -> InputError:
    """Nobody is logged in; a page leads to the log-in."""
    return InputError(LOG_IN_NEEDED, "请先登录", "log in first", remedy="/login")


def token_needed() -> InputError:
    """A program came without a token, or with one that lets nobody in."""
    return InputError(
        TOKEN_NEEDED,
        "没有令牌，或令牌无效、已过期、已撤销",
        "there is no token, or it is unknown, out of date or revoked",
        remedy="Authorization: Bearer TOKEN (fundpool users token)",
    )


class Door:
    """Lets people in, by the accounts of a database."""

    def __init__(
        self,
        database: Transactions,
        passwords: Passwords,
        time_of_day: Callable[[], datetime],
        *,
        provider: IdentityProvider | None = None,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._now = time_of_day
        self._provider = provider

    @property
    def has_provider(self) -> bool:
        """Whether people may log in through the agency's identity provider."""
        return self._provider is not None

    def answering(self, route: Route) -> Callable[[Request], Awaitable[Response]]:
        """The route's endpoint: the right is looked at before anything else, the form of a POST before its act."""

        async def answer(request: Request) -> Response:
            await run_in_threadpool(self._admit, request, route.needs)
            if request.method != "POST":
                return await run_in_threadpool(route.page, request)
            async with request.form(max_files=FILES_AT_ONCE) as form:
                _require_own_form(request, form)
                request.state.form = form
                return await run_in_threadpool(route.page, request)

        return answer

    def _admit(self, request: Request, needs: Right | Access) -> None:
        request.state.account = None
        request.state.form_secret = token = request.cookies.get(_cookie(request, "session"))
        if needs is Access.ANYBODY:
            request.state.form_secret = request.cookies.get(_cookie(request, "form"))
            return
        _let_in(request, self.visit(token), needs, refusal=log_in_needed())

    def admit_program(self, request: Request, needs: Right | Access) -> None:
        """As the pages, for the API: by a bearer token; a session of the pages may read.

        A browser sends its cookie wherever a form comes from, a token only a program that holds it: no act of the
        API is done by cookie.
        """
        request.state.account = None
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme:
            visit = visit_with_token(self._database, token if scheme.lower() == "bearer" else "", self._now())
        else:
            is_reading = request.method == "GET"
            visit = self.visit(request.cookies.get(_cookie(request, "session")) if is_reading else None)
        _let_in(request, visit, needs, refusal=token_needed())

    def visit(self, token: str | None) -> Visit:
        """Who is logged in with the token of a cookie."""
        return visit_of(self._database, token, self._now())

    def log_in(self, request: Request, name: str, password: str) -> str | None:
        """A new session's token, with the one before ended; None when nobody is let in."""
        token = sessions.log_in(self._database, name, password, passwords=self._passwords, now=self._now())
        return self._logged_in(request, token)

    def _logged_in(self, request: Request, token: str | None) -> str | None:
        before = request.cookies.get(_cookie(request, "session"))
        if token is not None and before is not None:
            sessions.log_out(self._database, before, self._now())
        if token is None:
            _log.warning("a log-in failed, from %s", request.client.host if request.client else "-")
        return token

    def to_provider(self, request: Request, wanted: str) -> Response:
        """Lead to the identity provider; ``wanted`` is the page of ours to go on to afterwards.

        Raises InputError ``unknown_provider`` where none is set, ServiceUnavailable when it is away.
        """
        secret = secrets.token_urlsafe(32)
        response = RedirectResponse(self._given_provider().address(secret, _way_back(request)), 303)
        kept = quote(wanted, safe="") if len(wanted) <= _WANTED_MOST else ""
        _set(request, response, "provider", value=f"{secret}.{kept}", max_age=_AT_PROVIDER_S)
        return response

    def from_provider(self, request: Request) -> tuple[str, str]:
        """The token of a session begun for whom the provider vouches, with the page to go on to.

        Raises RuleViolation ``provider_refused``: an answer that this browser did not ask for, one without a name, and a
        name without an enabled account are all the same; ServiceUnavailable when the provider is away.
        """
        provider, query = self._given_provider(), request.query_params
        secret, _, wanted = request.cookies.get(_cookie(request, "provider"), "").partition(".")
        token = None
        if secret and provider.is_answer(secret, query.get("state", "")) and query.get("code"):
            name = provider.name_of(secret, query["code"], back=_way_back(request), now=self._now())
            token = sessions.log_in_confirmed(self._database, name, now=self._now())
        token = self._logged_in(request, token)
        if token is None:
            raise provider_refused()
        return token, unquote(wanted)

    def _given_provider(self) -> IdentityProvider:
        if self._provider is None:
            raise InputError(
                "unknown_provider",
                "没有设置统一身份认证",
                "no identity provider is set",
                remedy="用本系统口令登录 / log in with your password here",
            )
        return self._provider

    def log_out(self, request: Request) -> None:
        """End the request's session."""
        token = request.cookies.get(_cookie(request, "session"))
        if token is not None:
            sessions.log_out(self._database, token, self._now())

    def require_password(self, request: Request, field: str = "password") -> Account:
        """The person at this form, who typed their password into it once more.

        Raises RuleViolation ``password_wrong``; wrong ones count, and lock the account, as at the log-in.
        """
        account: Account = request.state.account
        typed = str(request.state.form.get(field) or "")
        found = sessions.is_password(
            self._database, account.name, typed, passwords=self._passwords, now=self._now()
        )
        if found is None:
            raise _password_wrong()
        return found

    def change_password(self, request: Request, old: str, new: str) -> None:
        """Change the password of whoever is logged in. Raises as ``require_password`` and ``sessions`` do."""
        account: Account | None = request.state.account
        if account is None:
            raise log_in_needed()
        changed = sessions.change_password(
            self._database, account.name, old, new=new, passwords=self._passwords, now=self._now()
        )
        if not changed:
            raise _password_wrong()


def _let_in(request: Request, visit: Visit, needs: Right | Access, *, refusal: InputError) -> None:
    """Raise ``refusal`` where nobody came in, RuleViolation unless the account has the right."""
    request.state.account = account = visit.account
    if account is None and visit.is_enforced:
        raise refusal
    if isinstance(needs, Access):
        return
    if account is not None:
        account.require(needs)
    elif needs not in READING:
        raise RuleViolation(
            "no_accounts",
            "尚无账户，页面只供查看",
            "there is no account yet: pages are for reading",
            remedy="fundpool users add NAME --role sec_admin",
        )


def _password_wrong() -> RuleViolation:
    return RuleViolation(
        "password_wrong",
        "口令不对，未办理",
        "the password is wrong; nothing was done",
        remedy="重新输入；连错五次锁定 15 分钟 / type it again; five wrong ones lock the account for 15 minutes",
    )


def _way_back(request: Request) -> str:
    """The address that the identity provider sends the browser back to; it is registered there."""
    return f"{request.url.scheme}://{request.url.netloc}{WAY_BACK}"


def leave_provider(request: Request, response: Response) -> None:
    """Take the secret of a log-in through the provider from the browser: it was for one answer."""
    response.delete_cookie(_cookie(request, "provider"), **_terms(request))


def begin_session(request: Request, response: Response, token: str) -> None:
    """Give the browser the token."""
    _set(request, response, "session", value=token, max_age=int(LASTS.total_seconds()))
    response.delete_cookie(_cookie(request, "form"), **_terms(request))


def end_session(request: Request, response: Response) -> None:
    """Take the token from the browser."""
    response.delete_cookie(_cookie(request, "session"), **_terms(request))


def begin_form(request: Request, response: Response) -> None:
    """Give the browser the secret of a form that is shown before anybody has logged in."""
    _set(request, response, "form", value=request.state.form_secret, max_age=None)


def new_form_secret(request: Request) -> None:
    """Make the secret of a form before log-in, unless the browser has one."""
    request.state.form_secret = request.state.form_secret or secrets.token_urlsafe(32)


def form_token(request: Request) -> str:
    """The token that a form of this browser bears; empty where it can send none."""
    secret = getattr(request.state, "form_secret", None)
    return "" if not secret else hmac.digest(secret.encode(), b"form", "sha256").hex()


def _require_own_form(request: Request, form: FormData) -> None:
    expected, given = form_token(request), form.get("csrf")
    is_same = (
        bool(expected) and isinstance(given, str) and hmac.compare_digest(expected.encode(), given.encode())
    )
    if not is_same or not _is_from_here(request):
        raise RuleViolation(
            "form_not_ours",
            "表单不是由本系统的页面发出，或已过期，未办理",
            "the form was not sent by a page of ours, or is out of date; nothing was done",
            remedy="重新打开页面再办理 / open the page again",
        )


def _is_from_here(request: Request) -> bool:
    """What the browser says of the page that sent the form; old ones, and programs, say nothing."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _cookie(request: Request, name: str) -> str:
    # The prefix makes browsers refuse a cookie that another host of the domain sets; it needs https.
    return f"__Host-{name}" if _is_secure(request) else name


def _terms(request: Request) -> dict[str, Any]:
    return {"path": "/", "secure": _is_secure(request), "httponly": True, "samesite": "lax"}


def _set(request: Request, response: Response, name: str, *, value: str, max_age: int | None) -> None:
    response.set_cookie(_cookie(request, name), value, max_age=max_age, **_terms(request))
