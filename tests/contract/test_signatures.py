"""Who may talk to the bank, and what never leaves this machine."""

import logging
import re
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from fundpool.adapters.banks.base import DEFINITE_REJECTIONS
from fundpool.adapters.banks.http import HttpGateway
from fundpool.adapters.keys.signature import is_authentic, shared_secret, signature_of, signed_headers
from fundpool.domain.errors import InputError
from fundpool.sandbox_bank.faults import FAULTS
from fundpool.services.ports.gateway import GatewayAnswerKind as Kind
from fundpool.settings import Settings
from tests.contract.conftest import KEY_ID, NOW, SECRET, an_order

AT = 1_790_816_400
PAGE = (Path(__file__).parents[2] / "docs/gateway.md").read_text(encoding="utf-8")
VECTORS = [
    (
        "POST",
        "/v1/transfers",
        an_order().body,
        "e9e6ec666bf98077b653b70365f21e31336698c0ea853c16bbfc7d41dcaf1473",
    ),
    (
        "GET",
        "/v1/statements?account=1001&date=2026-10-01",
        b"",
        "c53c1c06548b51832dfd35b567d8744f45bce0f4aa17f1b86874c0faab53fa9b",
    ),
    (
        "POST",
        "/v1/transfers/order-1/close",
        b"",
        "54be2960aa545fbc695b13d781c18b8f514d92c307f667768a4819e2351ba8b3",
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "expected"), VECTORS)
def test_signatures_equal_the_vectors_that_openssl_computes(method, path, body, expected):
    given = signature_of(b"secret-of-the-vectors", method=method, path=path, timestamp=str(AT), body=body)
    assert given == expected
    assert f"| `{method} {path}` |" in PAGE
    assert f"`{expected}`" in PAGE


def test_the_page_for_bank_engineers_lists_what_the_code_does():
    assert an_order().body.decode() in PAGE
    assert all(f"`{reason}`" in PAGE for reason in DEFINITE_REJECTIONS)
    listed = re.findall(
        r"^\| `(\w+)` \| (.+) \| (.+) \| (.+) \|$", PAGE.partition("| fault |")[2], re.MULTILINE
    )
    assert listed == [
        (name, fault.zh, fault.en, ", ".join(sorted(fault.calls))) for name, fault in FAULTS.items()
    ]


def a_request(**changes):
    request = {"method": "POST", "path": "/v1/transfers?x=1", "body": b'{"a":1}'}
    headers = signed_headers(SECRET, KEY_ID, at_unix_s=AT, **request)
    return headers | changes.pop("headers", {}), request | changes


def accepted(headers, request, at_unix_s=AT):
    return is_authentic(SECRET, KEY_ID, headers, at_unix_s=at_unix_s, **request)


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_signed_request_is_good_for_five_minutes_either_way(seconds):
    assert accepted(*a_request(), at_unix_s=AT + seconds)


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_an_old_or_future_request_is_refused(seconds):
    assert not accepted(*a_request(), at_unix_s=AT + seconds)


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "GET"},
        {"path": "/v1/transfers?x=2"},
        {"path": "/v1/transfers"},
        {"body": b'{"a":2}'},
        {"body": b""},
        {"headers": {"X-Key-Id": "other"}},
        {"headers": {"X-Timestamp": str(AT + 1)}},
        {"headers": {"X-Timestamp": f"{AT}.0"}},
        {"headers": {"X-Timestamp": f" {AT}"}},
        {"headers": {"X-Timestamp": ""}},
        {"headers": {"X-Signature": ""}},
        {"headers": {"X-Signature": "é"}},
        {"headers": {"X-Signature": "0" * 64}},
    ],
)
def test_an_altered_request_is_refused(changes):
    assert not accepted(*a_request(**changes))


def test_a_request_without_signature_headers_is_refused():
    _, request = a_request()
    assert not accepted({}, request)


def test_the_bank_does_nothing_for_a_wrong_secret(bank):
    stranger = bank.gateway(secret=b"another secret")
    answer = stranger.submit(an_order(), now=NOW)
    assert (answer.kind, answer.reason) == (Kind.UNKNOWN, "unauthorised")
    assert stranger.query(an_order(), now=NOW).reason == "unauthorised"
    assert bank.book.transfers == {}


def test_an_altered_amount_does_not_reach_the_book(bank):
    order, larger = an_order(), an_order(amount_fen=99_999)
    headers = signed_headers(
        SECRET, KEY_ID, method="POST", path="/v1/transfers", body=order.body, at_unix_s=AT
    )
    response = httpx.post(f"{bank.server.url}/v1/transfers", content=larger.body, headers=headers)
    assert response.status_code == 401
    assert bank.book.transfers == {}


def test_the_secret_appears_in_no_log_repr_answer_or_error(bank, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    canary = b"canary-7f3a91"
    gateway = bank.gateway(secret=canary)
    answers = [gateway.submit(an_order(), now=NOW), gateway.query(an_order(), now=NOW)]
    settings = Settings(home=tmp_path, gateway_secret=SecretStr(canary.decode()))
    written = caplog.text + repr(gateway) + repr(vars(gateway).keys()) + repr(answers) + repr(settings)
    assert "/v1/transfers" in written
    assert canary.decode() not in written


@pytest.mark.parametrize(
    "url",
    [
        "",
        "bank.example",
        "ftp://bank.example",
        "https://",
        "https://key:hunter2@bank.example",
        "https://b/?s=1",
    ],
)
def test_a_gateway_url_is_plain_and_carries_no_password(url):
    with pytest.raises(InputError) as caught:
        HttpGateway(url, key_id=KEY_ID, secret=SECRET)
    assert "hunter2" not in str(caught.value)


def test_without_url_or_secret_the_error_says_what_to_set(tmp_path):
    with pytest.raises(InputError) as caught:
        HttpGateway.from_settings(Settings(home=tmp_path, gateway_url=None, gateway_secret=None))
    assert caught.value.code == "gateway_url_missing"
    with pytest.raises(InputError) as caught:
        shared_secret(Settings(home=tmp_path, gateway_secret=None))
    assert caught.value.code == "gateway_secret_missing"


def test_the_secret_comes_from_the_environment_before_the_data_folder(tmp_path):
    (tmp_path / "gateway.secret").touch(mode=0o600)
    (tmp_path / "gateway.secret").write_text("from the folder\n")
    settings = Settings(home=tmp_path, gateway_secret=None)
    assert shared_secret(settings) == b"from the folder"
    settings = Settings(home=tmp_path, gateway_secret=SecretStr("from the environment"))
    assert shared_secret(settings) == b"from the environment"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_secret_that_other_users_can_read_is_not_used(tmp_path, mode):
    (tmp_path / "gateway.secret").write_text("known to all\n")
    (tmp_path / "gateway.secret").chmod(mode)
    with pytest.raises(InputError) as caught:
        shared_secret(Settings(home=tmp_path, gateway_secret=None))
    assert caught.value.code == "secret_file_readable"
    assert "known" not in str(caught.value).replace("known to them", "")


def test_a_base_url_with_a_path_is_signed_with_that_path(raw_bank):
    running = raw_bank(lambda connection, over: None)
    HttpGateway(f"{running.url}/bank/", key_id=KEY_ID, secret=SECRET).query(an_order(), now=NOW)
    head = running.requests[0].decode().lower()
    assert head.startswith("get /bank/v1/transfers/order-1 http/1.1")
    timestamp = re.search(r"x-timestamp: (\d+)", head)[1]
    expected = signature_of(
        SECRET, method="GET", path="/bank/v1/transfers/order-1", timestamp=timestamp, body=b""
    )
    assert f"x-signature: {expected}" in head
