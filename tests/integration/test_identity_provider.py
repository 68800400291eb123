"""Log-in through an identity provider, against a small one over HTTP that signs real tokens, and that misbehaves."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import RSAKey

from fundpool.adapters.keys.identity_provider import OidcProvider
from fundpool.adapters.keys.passwords import Argon2Passwords
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.bootstrap import build_ports
from fundpool.console.dashboard.app import SECURITY_HEADERS, DashboardOptions, create_app
from fundpool.console.dashboard.door import Door, Route
from fundpool.console.dashboard.reading import MonthReader
from fundpool.domain.accounts import LOCKED_FOR
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.rights import Right, Role
from fundpool.services.ports.work import MonthPorts
from fundpool.services.users import accounts
from fundpool.services.users.accounts import NewAccount
from fundpool.settings import Settings
from tests.accounts import PASSWORD, enter
from tests.integration.test_walls import form_token_of

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

CLIENT, SECRET, CLAIM = "fundpool: 柜台", "s3cret/with+signs", "preferred_username"
ADMIN, CLERK = "张安全", "李经办"
PROVIDER_KEY, OTHER_KEY = (RSAKey.generate_key(2048, {"kid": "1", "use": "sig"}) for _ in range(2))

Claims = dict[str, Any]


class Provider:
    """Remembers codes; ``change`` and ``sign`` make it misbehave."""

    def __init__(self) -> None:
        self.who: str = CLERK
        self.codes: dict[str, dict[str, str]] = {}
        self.change: Callable[[Claims], Claims] = lambda claims: claims
        self.sign: Callable[[Claims], str | None] = lambda claims: jwt.encode(
            {"alg": "RS256", "kid": "1"}, claims, PROVIDER_KEY
        )
        self.configure: Callable[[dict[str, Any]], dict[str, Any]] = lambda configuration: configuration
        self.checks_codes = True
        self.asked: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self.server.server_port}/realm"

    def answer(
        self, path: str, query: dict[str, str], form: dict[str, str], authorization: str
    ) -> tuple[int, Any]:
        self.asked.append(path)
        if path == "/realm/.well-known/openid-configuration":
            return 200, self.configure(
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize?tenant=1",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                }
            )
        if path == "/realm/keys":
            odd = {"kty": "oct", "kid": "1", "k": "c2VjcmV0"}
            return 200, {"keys": [odd, {"kty": "SM2"}, PROVIDER_KEY.as_dict(private=False)]}
        if path == "/realm/authorize":
            assert (query["response_type"], query["client_id"]) == ("code", CLIENT)
            assert (query["code_challenge_method"], query["tenant"]) == ("S256", "1")
            assert "openid" in query["scope"].split()
            code = secrets.token_urlsafe(8)
            self.codes[code] = query
            return 303, f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"
        assert path == "/realm/token"
        pair = base64.b64encode(b"fundpool%3A%20%E6%9F%9C%E5%8F%B0:s3cret%2Fwith%2Bsigns").decode()
        begun = self.codes.pop(form["code"], None) if self.checks_codes else self.codes.get(form["code"])
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        is_right = begun is not None and begun["redirect_uri"] == form["redirect_uri"]
        is_right = is_right and (begun["code_challenge"] == challenge or not self.checks_codes)
        if authorization != f"Basic {pair}" or form["grant_type"] != "authorization_code" or not is_right:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": "42", "aud": CLIENT, "nonce": begun["nonce"], CLAIM: self.who}
        token = self.sign(self.change(claims | {"iat": now, "exp": now + 300}))
        return 200, {"access_token": "a", "token_type": "Bearer"} | (
            {} if token is None else {"id_token": token}
        )

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                form = single(self.rfile.read(length).decode())
                status, answer = provider.answer(
                    parts.path, single(parts.query), form, self.headers.get("Authorization", "")
                )
                body = b"" if status == 303 else json.dumps(answer).encode()
                self.send_response(status)
                if status == 303:
                    self.send_header("Location", answer)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - http.server's name

            def log_message(self, *_: object) -> None: ...

        return Handler


def single(query: str) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(query).items()}


@pytest.fixture
def provider() -> Iterator[Provider]:
    started = Provider()
    thread = threading.Thread(target=started.server.serve_forever)
    thread.start()
    yield started
    started.server.shutdown()
    started.server.server_close()
    thread.join()


@pytest.fixture
def ports(transactions: SqlTransactions, tmp_path: Path) -> MonthPorts:
    ports = replace(build_ports(Settings(home=tmp_path)), database=transactions)
    enter(ports.database, ADMIN, Role.SEC_ADMIN)
    enter(ports.database, CLERK, Role.MAKER, "taizhou")
    return ports


@pytest.fixture
def door_to(provider: Provider) -> OidcProvider:
    return OidcProvider(provider.issuer, client_id=CLIENT, client_secret=SECRET, claim=CLAIM)


@pytest.fixture
def app(ports: MonthPorts, door_to: OidcProvider) -> FastAPI:
    return served(ports, door_to)


def served(ports: MonthPorts, door_to: OidcProvider | None) -> FastAPI:
    return create_app(MonthReader(ports), now, DashboardOptions(provider=door_to))


def now() -> datetime:
    return datetime.now(SHANGHAI)


def browser_of(app: FastAPI, base_url: str = "http://testserver") -> TestClient:
    return TestClient(app, base_url=base_url, follow_redirects=False, raise_server_exceptions=False)


def to_provider(browser: TestClient, wanted: str = "/transfers?city=taizhou") -> str:
    """The address at the provider that the browser is led to."""
    led = browser.get("/login/provider", params={"next": wanted})
    assert led.status_code == 303
    return led.headers["location"]


def at_provider(address: str) -> str:
    """The address of ours that the provider leads back to."""
    answer = httpx.get(address, trust_env=False)
    assert answer.status_code == 303
    return answer.headers["location"]


def log_in(browser: TestClient, wanted: str = "/transfers?city=taizhou") -> Any:
    return browser.get(at_provider(to_provider(browser, wanted)))


def is_in(browser: TestClient) -> bool:
    return browser.get("/transfers?city=taizhou").status_code == 200


def is_refused(browser: TestClient, answer: Any) -> bool:
    assert answer.status_code == 403
    assert 'action="/login"' in answer.text  # name and password stay possible
    return (
        "未登录" in answer.text
        and "session" not in answer.headers.get("set-cookie", "")
        and not is_in(browser)
    )


# ------------------------------------------------------------------------------------------- the way in


def test_a_person_with_an_account_comes_in_and_goes_on_where_they_wanted(app: FastAPI) -> None:
    browser = browser_of(app)
    form = browser.get("/transfers?city=taizhou&month=2026-10", follow_redirects=True)
    assert "/login/provider?next=%2Ftransfers%3Fcity%3Dtaizhou%26month%3D2026-10" in form.text
    assert form.headers["Content-Security-Policy"] == SECURITY_HEADERS["Content-Security-Policy"]
    answer = log_in(browser, "/transfers?city=taizhou&month=2026-10")
    assert (answer.status_code, answer.headers["location"]) == (303, "/transfers?city=taizhou&month=2026-10")
    page = browser.get(answer.headers["location"])
    assert page.status_code == 200
    assert CLERK in page.text
    assert "provider" not in browser.cookies


@pytest.mark.parametrize(
    ("base_url", "prefix", "is_secure"),
    [("http://testserver", "", False), ("https://testserver", "__Host-", True)],
)
def test_the_cookies_are_as_strict_as_at_the_log_in_with_a_password(
    app: FastAPI, base_url: str, prefix: str, is_secure: bool
) -> None:
    browser = browser_of(app, base_url)
    began = browser.get("/login/provider")
    assert (
        single(urlsplit(began.headers["location"]).query)["redirect_uri"]
        == f"{base_url}/login/provider/return"
    )
    ended = browser.get(at_provider(began.headers["location"]))
    cookies = began.headers.get_list("set-cookie") + ended.headers.get_list("set-cookie")
    assert [each.split("=")[0] for each in cookies] == [
        f"{prefix}{name}" for name in ("provider", "session", "form", "provider")
    ]
    for cookie in cookies:
        terms = {each.strip().lower() for each in cookie.split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/"} <= terms
        assert ("secure" in terms) is is_secure


@pytest.mark.parametrize(
    "wanted", ["//evil.example/", "https://evil.example/", "/\\evil.example", "/" + "x" * 2000]
)
def test_it_leads_to_our_own_pages_alone(app: FastAPI, wanted: str) -> None:
    assert log_in(browser_of(app), wanted).headers["location"] == "/tasks"


def test_no_secret_stands_in_an_address(app: FastAPI) -> None:
    browser = browser_of(app)
    address = to_provider(browser)
    (secret, _, _) = browser.cookies["provider"].strip('"').partition(".")
    assert secret not in address
    assert SECRET not in address


def test_this_machine_is_reached_past_any_proxy(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    browser = browser_of(app)
    assert log_in(browser).status_code == 303
    assert is_in(browser)


# ------------------------------------------------------------------------------------------- who has no account


@pytest.mark.parametrize(
    "who", ["没有人", "李 经办", "李经办\u200b", "李经办（签字）", "system", "李经办主任"]
)
def test_no_account_is_made_up_and_none_taken_for_another(
    app: FastAPI, ports: MonthPorts, provider: Provider, who: str
) -> None:
    provider.who = who
    browser = browser_of(app)
    assert is_refused(browser, log_in(browser))
    assert [each.name for each in ports.database.read(lambda work: work.users.all())] == [ADMIN, CLERK]


def test_a_disabled_and_a_locked_account_stay_out(app: FastAPI, ports: MonthPorts) -> None:
    def change(**fields: Any) -> None:
        ports.database.transaction(
            lambda work: work.users.change(accounts.account_named(work, CLERK), **fields)
        )

    browser = browser_of(app)
    change(disabled_at=now())
    assert is_refused(browser, log_in(browser))
    change(disabled_at=None, locked_until=now() + LOCKED_FOR)
    assert is_refused(browser, log_in(browser))
    change(locked_until=now() - timedelta(seconds=1))
    assert log_in(browser).status_code == 303


# ------------------------------------------------------------------------------------------- a provider that misbehaves


def without(name: str) -> Callable[[Claims], Claims]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


@pytest.mark.parametrize(
    "change",
    [
        lambda claims: claims | {"nonce": "another"},
        without("nonce"),
        lambda claims: claims | {"aud": "another"},
        lambda claims: claims | {"aud": ["another"]},
        lambda claims: claims | {"aud": "another", "azp": CLIENT},
        lambda claims: claims | {"aud": [CLIENT, "another"]},  # and does not say for whom it was made
        lambda claims: claims | {"aud": [CLIENT, "another"], "azp": "another"},
        without("aud"),
        lambda claims: claims | {"iss": "https://evil.example"},
        without("iss"),
        lambda claims: claims | {"exp": int(time.time()) - 120},
        without("exp"),
        lambda claims: claims | {"iat": int(time.time()) + 3600, "exp": int(time.time()) + 7200},
        without("iat"),
        without("sub"),
        lambda claims: claims | {"exp": "tomorrow"},
        without(CLAIM),
        lambda claims: claims | {CLAIM: [CLERK]},
        lambda claims: claims | {CLAIM: ""},
    ],
    ids=lambda change: "",
)
def test_a_token_that_is_not_for_this_log_in_lets_nobody_in(
    app: FastAPI, provider: Provider, change: Callable[[Claims], Claims]
) -> None:
    provider.change = change
    browser = browser_of(app)
    assert is_refused(browser, log_in(browser))


def unsigned(header: dict[str, str], claims: Claims, key: bytes | None = None) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    signed = f"{part(header)}.{part(claims)}"
    digest = b"" if key is None else hmac.digest(key, signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    "sign",
    [
        lambda claims: unsigned({"alg": "none"}, claims),
        lambda claims: unsigned({"alg": "None", "kid": "1"}, claims),
        lambda claims: unsigned({"alg": "HS256"}, claims, SECRET.encode()),
        lambda claims: unsigned(
            {"alg": "HS256", "kid": "1"}, claims, b"secret"
        ),  # of the odd key among its keys
        lambda claims: unsigned({"alg": "HS256", "kid": "1"}, claims, PROVIDER_KEY.as_pem(private=False)),
        lambda claims: jwt.encode({"alg": "RS256", "kid": "1"}, claims, OTHER_KEY),
        lambda claims: jwt.encode(
            {"alg": "RS256", "kid": "1", "jwk": OTHER_KEY.as_dict(private=False)}, claims, OTHER_KEY
        ),
        lambda claims: jwt.encode({"alg": "RS256", "kid": "1"}, claims, PROVIDER_KEY)[:-8] + "AAAAAAAA",
        lambda claims: "no token",
        lambda claims: "",
        lambda claims: None,
    ],
    ids=lambda sign: "",
)
def test_a_token_that_the_provider_has_not_signed_lets_nobody_in(
    app: FastAPI, provider: Provider, sign: Callable[[Claims], str | None]
) -> None:
    provider.sign = sign
    browser = browser_of(app)
    assert is_refused(browser, log_in(browser))


def test_one_audience_among_others_is_enough_when_the_token_was_made_for_us(
    app: FastAPI, provider: Provider
) -> None:
    provider.change = lambda claims: claims | {"aud": [CLIENT, "another"], "azp": CLIENT}
    browser = browser_of(app)
    assert log_in(browser).status_code == 303
    assert is_in(browser)


# ------------------------------------------------------------------------------------------- whose answer it is


@pytest.mark.parametrize("state", ["", "another", "é"])
def test_an_answer_that_nobody_asked_for_is_not_taken(app: FastAPI, provider: Provider, state: str) -> None:
    browser = browser_of(app)
    back = at_provider(to_provider(browser))
    provider.asked.clear()
    given = urlencode({"code": single(urlsplit(back).query)["code"], "state": state})
    assert is_refused(browser, browser.get(f"/login/provider/return?{given}"))
    assert provider.asked == []  # the code is not even shown to the provider


def test_an_answer_is_of_use_to_the_browser_that_asked_alone(app: FastAPI, provider: Provider) -> None:
    victim, attacker = browser_of(app), browser_of(app)
    back = at_provider(to_provider(attacker))
    assert is_refused(victim, victim.get(back))  # one that never asked
    to_provider(victim)
    assert is_refused(victim, victim.get(back))  # one that asked too
    # The attacker's code in the answer that the victim's browser waits for: the code verifier is another.
    state = single(urlsplit(to_provider(victim)).query)["state"]
    answer = urlencode({"code": single(urlsplit(back).query)["code"], "state": state})
    assert is_refused(victim, victim.get(f"/login/provider/return?{answer}"))
    # And where the provider looks at no verifier, the nonce is.
    provider.checks_codes = False
    back = at_provider(to_provider(attacker))
    state = single(urlsplit(to_provider(victim)).query)["state"]
    answer = urlencode({"code": single(urlsplit(back).query)["code"], "state": state})
    assert is_refused(victim, victim.get(f"/login/provider/return?{answer}"))


def test_the_same_answer_again_is_not_taken(app: FastAPI) -> None:
    browser = browser_of(app)
    back = at_provider(to_provider(browser))
    kept = browser.cookies["provider"].strip('"')
    assert browser.get(back).status_code == 303
    browser.post("/logout", data={"csrf": form_token_of(browser)})
    assert is_refused(browser, browser.get(back))  # the browser's secret was for one answer
    browser.cookies.set("provider", kept, domain="testserver.local", path="/")
    assert is_refused(browser, browser.get(back))  # and the provider's code too


def test_a_person_who_says_no_at_the_provider_is_not_logged_in(app: FastAPI) -> None:
    browser = browser_of(app)
    state = single(urlsplit(to_provider(browser)).query)["state"]
    assert is_refused(browser, browser.get(f"/login/provider/return?error=access_denied&state={state}"))


def test_a_log_in_ends_the_session_before_it(app: FastAPI) -> None:
    browser = browser_of(app)
    log_in(browser)
    before = browser.cookies["session"]
    log_in(browser)
    other = browser_of(app)
    other.cookies.set("session", before)
    assert not is_in(other)
    assert is_in(browser)


# ------------------------------------------------------------------------------------------- a provider that is away


@pytest.mark.parametrize(
    "configure",
    [
        lambda configuration: configuration | {"issuer": "https://evil.example"},
        lambda configuration: configuration | {"authorization_endpoint": "http://login.example.cn/authorize"},
        lambda configuration: configuration | {"authorization_endpoint": "javascript:alert(1)"},
        lambda configuration: configuration | {"authorization_endpoint": None},
        lambda configuration: [],
    ],
    ids=["another issuer", "unprotected", "no address", "none", "no object"],
)
def test_a_provider_that_is_not_the_one_that_is_set_is_not_gone_to(
    app: FastAPI, provider: Provider, configure: Callable[[dict[str, Any]], Any]
) -> None:
    provider.configure = configure
    answer = browser_of(app).get("/login/provider")
    assert answer.status_code == 503
    assert 'action="/login"' in answer.text


def test_without_the_provider_people_log_in_with_their_password(ports: MonthPorts) -> None:
    away = OidcProvider("http://127.0.0.1:9", client_id=CLIENT, client_secret=SECRET, claim=CLAIM)
    wanted = NewAccount("王复核", Role.CHECKER, "taizhou")
    accounts.add_account(ports, wanted, PASSWORD, passwords=Argon2Passwords(), by=ADMIN, now=now())
    browser = browser_of(served(ports, away))
    page = browser.get("/login/provider")
    assert page.status_code == 503
    assert "没有应答" in page.text
    csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
    answer = browser.post("/login", data={"csrf": csrf, "name": "王复核", "password": PASSWORD})
    assert answer.status_code == 303
    assert is_in(browser)


def test_without_a_provider_in_the_settings_there_is_no_such_way(ports: MonthPorts) -> None:
    browser = browser_of(served(ports, None))
    assert "/login/provider" not in browser.get("/login").text
    assert browser.get("/login/provider").status_code == 404
    assert browser.get("/login/provider/return?code=1&state=1").status_code == 404


# ------------------------------------------------------------------------------------------- money


def test_release_asks_whoever_came_through_the_provider_for_their_password_here(
    ports: MonthPorts, door_to: OidcProvider, provider: Provider
) -> None:
    wanted = NewAccount("孙放行", Role.RELEASER, "taizhou")
    accounts.add_account(ports, wanted, PASSWORD, passwords=Argon2Passwords(), by=ADMIN, now=now())
    provider.who = "孙放行"
    door = Door(ports.database, Argon2Passwords(), now, provider=door_to)
    done: list[str] = []

    def release(request: Request) -> Response:
        done.append(door.require_password(request).name)
        return Response("released")

    pages = served(ports, door_to)
    route = Route("/release", Right.RELEASE_PAYMENT, release, "POST")
    pages.add_route(route.path, door.answering(route), methods=["POST"])
    browser = browser_of(pages)
    log_in(browser)
    form = {"csrf": form_token_of(browser)}
    assert browser.post("/release", data=form).status_code == 403
    assert browser.post("/release", data=form | {"password": "wrong wrong wrong"}).status_code == 403
    assert done == []
    assert browser.post("/release", data=form | {"password": PASSWORD}).status_code == 200
    assert done == ["孙放行"]
