"""Whatever a bank does wrong on the wire, it is never taken for a success or for a rejection."""

import json
import socket
import struct

import pytest

from fundpool.adapters.banks.http import HttpGateway
from fundpool.domain.errors import ServiceUnavailable
from fundpool.services.ports.gateway import GatewayAnswerKind as Kind
from tests.contract.conftest import (
    DRIPPING_ENDS,
    KEY_ID,
    NOW,
    PATIENT,
    PAYEE,
    PAYER,
    SECRET,
    SILENCE_ENDS,
    an_order,
)

ORDER = an_order()
SUCCESS = {
    "key": ORDER.key,
    "amount_fen": ORDER.amount_fen,
    "currency": "CNY",
    "credit_account": PAYEE,
    "state": "succeeded",
    "reason": None,
    "bank_serial": "S1",
    "executed_at": "2026-10-01T09:00:00+08:00",
}
REJECTION = SUCCESS | {
    "state": "rejected",
    "reason": "insufficient_balance",
    "bank_serial": None,
    "executed_at": None,
}
LINE = {
    "bank_serial": "S1",
    "account": PAYER,
    "direction": "debit",
    "amount_fen": 12_345,
    "key": ORDER.key,
    "counterparty": "x",
    "executed_at": "2026-10-01T09:00:00+08:00",
}


def http(status, body, content_type="application/json", extra="", length=None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    size = len(raw) if length is None else length
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {size}\r\n{extra}\r\n"
    return head.encode() + raw


def sends(response):
    return lambda connection, over: connection.sendall(response)


def resets(connection, over):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def resets_within_body(connection, over):
    connection.sendall(http(200, SUCCESS)[:-20])
    resets(connection, over)


def hangs_up(connection, over):
    pass


def says_nothing(connection, over):
    over.wait(10)


def drips(connection, over):
    for byte in http(200, SUCCESS):
        connection.sendall(bytes([byte]))
        if over.wait(0.05):
            return


def drips_body(connection, over):
    whole = http(200, SUCCESS)
    head_size = whole.index(b"\r\n\r\n") + 4
    connection.sendall(whole[:head_size])
    for byte in whole[head_size:]:
        connection.sendall(bytes([byte]))
        if over.wait(0.05):
            return


def sends_endlessly(connection, over):
    connection.sendall(b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\n\r\n")
    while not over.is_set():
        connection.sendall(b" " * 1_000_000)


def with_field(**changes):
    return http(200, SUCCESS | changes)


def without_field(name):
    return http(200, {key: value for key, value in SUCCESS.items() if key != name})


TWO_STATES = json.dumps(SUCCESS)[:-1].encode() + b', "state": "rejected"}'
TWO_AMOUNTS = b'{"amount_fen": 1, ' + json.dumps(SUCCESS)[1:].encode()

ON_THE_WIRE = {
    "reset before the answer": (resets, "connection_lost"),
    "reset within the body": (resets_within_body, "connection_lost"),
    "hang up without an answer": (hangs_up, "connection_lost"),
    "not HTTP": (sends(b"hello\r\n\r\n"), "connection_lost"),
    "shorter than announced": (sends(http(200, SUCCESS, length=9_999)), "connection_lost"),
    "silence": (says_nothing, "timeout"),
    "headers drip": (drips, "deadline"),
    "body drips": (drips_body, "deadline"),
    "endless": (sends_endlessly, "oversized"),
}
UNPROVEN = {
    "302": (http(302, SUCCESS, extra="Location: /v1/transfers\r\n"), "http_302"),
    "307": (http(307, b"", extra="Location: /v1/transfers\r\n"), "http_307"),
    "204": (b"HTTP/1.1 204 X\r\n\r\n", "http_204"),
    "206 with a success": (http(206, SUCCESS), "http_206"),
    "400": (http(400, {"error": "bad_request"}), "http_400"),
    "401": (http(401, {"error": "unauthorised"}), "unauthorised"),
    "403": (http(403, REJECTION), "unauthorised"),
    "422 with a rejection": (http(422, REJECTION), "http_422"),
    "429": (http(429, {"error": "slow down"}), "rate_limited"),
    "500": (http(500, {"error": "internal"}), "http_500"),
    "500 with a success": (http(500, SUCCESS), "http_500"),
    "502 page": (http(502, b"<html>", "text/html"), "http_502"),
    "503": (http(503, REJECTION), "http_503"),
    "504": (http(504, b""), "http_504"),
    "empty": (http(200, b""), "unreadable"),
    "cut JSON": (http(200, json.dumps(SUCCESS).encode()[:60]), "unreadable"),
    "page": (http(200, SUCCESS, "text/html"), "unreadable"),
    "no content type": (http(200, SUCCESS, ""), "unreadable"),
    "other charset": (http(200, SUCCESS, "application/json; charset=gbk"), "unreadable"),
    "not UTF-8": (http(200, '{"key": "台州"}'.encode("gbk")), "unreadable"),
    "byte order mark": (http(200, b"\xef\xbb\xbf" + json.dumps(SUCCESS).encode()), "unreadable"),
    "compressed unasked": (http(200, SUCCESS, extra="Content-Encoding: gzip\r\n"), "unreadable"),
    "list": (http(200, [SUCCESS]), "unreadable"),
    "NaN": (http(200, b'{"amount_fen": NaN}'), "unreadable"),
    "nested": (http(200, b"[" * 100_000), "unreadable"),
    "state twice": (http(200, TWO_STATES), "unreadable"),
    "amount twice": (http(200, TWO_AMOUNTS), "unreadable"),
    "amount as text": (with_field(amount_fen="12345"), "echo_mismatch"),
    "amount as 12345.0": (with_field(amount_fen=12345.0), "echo_mismatch"),
    "amount off by one": (with_field(amount_fen=12344), "echo_mismatch"),
    "amount missing": (without_field("amount_fen"), "echo_mismatch"),
    "other currency": (with_field(currency="USD"), "echo_mismatch"),
    "currency missing": (without_field("currency"), "echo_mismatch"),
    "other key": (with_field(key="order-2"), "echo_mismatch"),
    "key missing": (without_field("key"), "echo_mismatch"),
    "other payee": (with_field(credit_account="9"), "echo_mismatch"),
    "payee missing": (without_field("credit_account"), "echo_mismatch"),
    "unknown state": (with_field(state="done"), "unreadable"),
    "state missing": (without_field("state"), "unreadable"),
    "state as list": (with_field(state=["succeeded"]), "unreadable"),
    "success without a serial": (with_field(bank_serial=None), "unreadable"),
    "serial as number": (with_field(bank_serial=7), "unreadable"),
    "date for a moment": (with_field(executed_at="2026-10-01"), "unreadable"),
    "no moment": (with_field(executed_at="yesterday"), "unreadable"),
}


DEADLINES = {"timeout": SILENCE_ENDS, "deadline": DRIPPING_ENDS}


def gateway_of(url, deadlines=PATIENT):
    return HttpGateway(url, key_id=KEY_ID, secret=SECRET, deadlines=deadlines)


@pytest.mark.parametrize("call", ["submit", "query", "close"])
@pytest.mark.parametrize("symptom", ON_THE_WIRE)
def test_a_broken_connection_proves_nothing(raw_bank, call, symptom):
    script, reason = ON_THE_WIRE[symptom]
    gateway = gateway_of(raw_bank(script).url, DEADLINES.get(reason, PATIENT))
    answer = getattr(gateway, call)(ORDER, now=NOW)
    assert (answer.kind, answer.reason) == (Kind.UNKNOWN, reason)
    assert not answer.unreachable


@pytest.mark.parametrize("call", ["submit", "query"])
@pytest.mark.parametrize("symptom", UNPROVEN)
def test_an_answer_that_is_not_exact_proves_nothing(raw_bank, call, symptom):
    response, reason = UNPROVEN[symptom]
    answer = getattr(gateway_of(raw_bank(sends(response)).url), call)(ORDER, now=NOW)
    assert (answer.kind, answer.reason) == (Kind.UNKNOWN, reason)


@pytest.mark.parametrize("symptom", UNPROVEN)
def test_a_key_is_fenced_by_nothing_but_the_word_closed(raw_bank, symptom):
    response, _ = UNPROVEN[symptom]
    answer = gateway_of(raw_bank(sends(response)).url).close(ORDER, now=NOW)
    assert answer.kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    ("response", "kind", "reason"),
    [
        (http(404, {"error": "not_found"}), Kind.UNKNOWN, "http_404"),
        (http(409, {"error": "payload_mismatch"}), Kind.PAYLOAD_MISMATCH, "payload_mismatch"),
        (http(409, {"error": "in_progress"}), Kind.UNKNOWN, "in_progress"),
        (http(409, {"error": "closed"}), Kind.UNKNOWN, "http_409"),
        (http(409, b"<html>", "text/html"), Kind.UNKNOWN, "unreadable"),
        (http(409, REJECTION), Kind.UNKNOWN, "http_409"),
        (with_field(state="returned"), Kind.UNKNOWN, "unexpected_state"),
        (with_field(state="closed"), Kind.UNKNOWN, "unexpected_state"),
        (http(200, REJECTION | {"reason": "because"}), Kind.UNKNOWN, "unlisted_rejection"),
        (http(200, REJECTION | {"reason": None}), Kind.UNKNOWN, "unlisted_rejection"),
        (http(201, REJECTION), Kind.REJECTED, "insufficient_balance"),
        (http(202, SUCCESS | {"state": "processing", "bank_serial": None}), Kind.PROCESSING, None),
        (http(200, SUCCESS, "Application/JSON; charset=UTF-8"), Kind.SUCCEEDED, None),
        (with_field(executed_at=None), Kind.SUCCEEDED, None),
    ],
)
def test_only_a_listed_rejection_of_this_order_is_a_rejection(raw_bank, response, kind, reason):
    answer = gateway_of(raw_bank(sends(response)).url).submit(ORDER, now=NOW)
    assert (answer.kind, answer.reason) == (kind, reason)


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (http(404, {"error": "not_found"}), Kind.NOT_FOUND),
        (http(404, b"<html>", "text/html"), Kind.UNKNOWN),
        (http(404, {"error": "no such page"}), Kind.UNKNOWN),
        (http(200, REJECTION | {"reason": "because"}), Kind.REJECTED),
        (with_field(state="returned"), Kind.RETURNED),
        (http(409, {"error": "payload_mismatch"}), Kind.UNKNOWN),
        (http(202, SUCCESS), Kind.UNKNOWN),
    ],
)
def test_a_query_answers_finally_only_about_this_order(raw_bank, response, kind):
    assert gateway_of(raw_bank(sends(response)).url).query(ORDER, now=NOW).kind is kind


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (http(200, {"state": "closed"}), Kind.CLOSED),
        (http(200, {"state": "closed", "key": ORDER.key}), Kind.CLOSED),
        (http(200, {"state": "closed", "key": "order-2"}), Kind.UNKNOWN),
        (http(409, SUCCESS), Kind.SUCCEEDED),
        (http(409, SUCCESS | {"amount_fen": 1}), Kind.UNKNOWN),
        (http(409, SUCCESS | {"state": "closed"}), Kind.UNKNOWN),
        (http(404, {"error": "not_found"}), Kind.NOT_FOUND),
    ],
)
def test_closing_reports_the_fence_or_what_stands_against_it(raw_bank, response, kind):
    assert gateway_of(raw_bank(sends(response)).url).close(ORDER, now=NOW).kind is kind


@pytest.mark.parametrize(
    "response",
    [
        http(200, {"lines": [LINE | {"amount_fen": "12345"}]}),
        http(200, {"lines": [LINE | {"amount_fen": -1}]}),
        http(200, {"lines": [LINE | {"account": "other"}]}),
        http(200, {"lines": [LINE | {"direction": "out"}]}),
        http(200, {"lines": [LINE | {"bank_serial": ""}]}),
        http(200, {"lines": [LINE | {"executed_at": "noon"}]}),
        http(200, {"lines": [LINE | {"currency": "USD"}]}),
        http(200, {"lines": ["line"]}),
        http(200, {"lines": {}}),
        http(200, {"lines": ""}),
        http(200, {}),
        http(200, []),
        http(200, {"lines": []}, "text/csv"),
        http(404, {"error": "not_found"}),
        http(500, {"lines": []}),
    ],
)
def test_a_statement_comes_whole_or_not_at_all(raw_bank, response):
    with pytest.raises(ServiceUnavailable) as caught:
        gateway_of(raw_bank(sends(response)).url).statement(PAYER, NOW.date(), now=NOW)
    assert caught.value.code == "statement_unavailable"


def test_a_statement_keeps_lines_that_the_bank_gives_twice(raw_bank):
    gateway = gateway_of(raw_bank(sends(http(200, {"lines": [LINE, LINE]}))).url)
    lines = gateway.statement(PAYER, NOW.date(), now=NOW).lines
    assert [line.bank_serial for line in lines] == ["S1", "S1"]


def test_a_bank_that_is_away_differs_from_one_that_is_silent(raw_bank):
    running = raw_bank(hangs_up)
    gateway = gateway_of(running.url)
    running.stop()
    for call in (gateway.submit, gateway.query, gateway.close):
        answer = call(ORDER, now=NOW)
        assert (answer.kind, answer.unreachable) == (Kind.UNKNOWN, True)
    with pytest.raises(ServiceUnavailable) as caught:
        gateway.statement(PAYER, NOW.date(), now=NOW)
    assert caught.value.code == "gateway_unreachable"


def test_one_call_sends_one_request_and_follows_no_redirect(raw_bank):
    response = http(307, b"", extra="Location: /v1/elsewhere\r\nConnection: close\r\n")
    running = raw_bank(sends(response))
    gateway_of(running.url).submit(ORDER, now=NOW)
    assert len(running.requests) == 1


def test_the_persisted_bytes_go_out_unchanged_with_the_key_in_the_header(raw_bank):
    running = raw_bank(sends(http(200, SUCCESS)))
    gateway_of(running.url).submit(ORDER, now=NOW)
    head, _, body = running.requests[0].partition(b"\r\n\r\n")
    assert body == ORDER.body
    assert head.startswith(b"POST /v1/transfers HTTP/1.1\r\n")
    assert b"idempotency-key: order-1" in head.lower()
