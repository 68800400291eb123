"""The sandbox bank as its users meet it: a program that keeps its book, and its faults, which are switched on and off."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from fundpool.adapters.banks.http import HttpGateway
from fundpool.adapters.keys.signature import is_authentic, signed_headers
from fundpool.console.cli import main
from fundpool.domain.errors import InputError
from fundpool.sandbox_bank.bank_file import BankFile
from fundpool.services.ports.gateway import GatewayAnswerKind as Kind
from tests.contract.conftest import (
    KEY_ID,
    NOW,
    PAYEE,
    PAYER,
    SECRET,
    SILENCE_ENDS,
    an_order,
    start_bank,
)


class Program:
    """``fundpool sandbox-bank`` as a process of its own."""

    def __init__(self, home, *options):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FUNDPOOL_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fundpool", "sandbox-bank", "--port", "0", *options],
            env=environment | {"FUNDPOOL_HOME": str(home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.home = home
        self.first_line = self.process.stdout.readline()
        self.url = self.first_line.split()[-1] if self.first_line else ""

    @property
    def gateway(self):
        secret = (self.home / "gateway.secret").read_bytes().strip()
        return HttpGateway(self.url, key_id=KEY_ID, secret=secret)

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=10)
        return self.process.returncode, errors


@pytest.fixture
def program(tmp_path):
    started = []

    def start(*options):
        started.append(Program(tmp_path / "home", *options))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.end(signal.SIGKILL)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_restarted_bank_remembers_what_it_answered(program, ending):
    first = program()
    first.gateway.submit(an_order("order-0", 1), now=NOW)  # so that a book begun anew counts otherwise
    before = first.gateway.submit(an_order(), now=NOW)
    status, errors = first.end(ending)
    assert status == (-signal.SIGKILL if ending is signal.SIGKILL else 0)
    assert "Traceback" not in errors
    second = program()
    after = second.gateway.submit(an_order(), now=NOW)
    assert (after.kind, after.bank_serial) == (Kind.SUCCEEDED, before.bank_serial)
    assert len(httpx.get(f"{second.url}/sandbox/book").json()["executions"]) == 2


def test_the_first_line_tells_the_address_also_as_json(program, tmp_path):
    assert program().first_line.startswith("sandbox bank ready at http://127.0.0.1:")
    second = program("--json", "--book", str(tmp_path / "second.db"))
    assert json.loads(second.first_line)["url"].startswith("http://127.0.0.1:")


def test_a_stopping_bank_does_not_wait_for_an_unanswered_caller(program):
    running = program()
    httpx.post(f"{running.url}/sandbox/faults", json={"fault": "silence_after"})
    answers = queue.Queue()
    gateway = running.gateway
    threading.Thread(target=lambda: answers.put(gateway.submit(an_order(), now=NOW)), daemon=True).start()
    while not httpx.get(f"{running.url}/sandbox/book").json()["executions"]:
        pass
    assert running.end()[0] == 0
    assert answers.get(timeout=10).kind is Kind.UNKNOWN


def test_accounts_come_from_a_file_and_then_no_other_one_exists(program, tmp_path):
    file = tmp_path / "accounts.csv"
    file.write_text(
        "account,name,balance_fen\n'100100,财政专户,20000\n2001 00,椒江区医保支出户,\n", encoding="gb18030"
    )
    running = program("--accounts", str(file))

    def order(key, amount_fen=20000, credit_account="200100"):
        return an_order(key, amount_fen, debit_account="100100", credit_account=credit_account)

    assert running.gateway.submit(order("order-1"), now=NOW).kind is Kind.SUCCEEDED
    assert running.gateway.submit(order("order-2"), now=NOW).reason == "insufficient_balance"
    stranger = order("order-3", 1, credit_account="900100")
    assert running.gateway.submit(stranger, now=NOW).reason == "unknown_credit_account"
    _, said = running.end()
    assert "2001 00" in said, "an account number that was read otherwise than it is written is said"


def test_accounts_opened_on_first_use_keep_the_name_they_were_first_paid_under(program):
    running = program()
    assert running.gateway.submit(an_order(), now=NOW).kind is Kind.SUCCEEDED
    other_name = an_order("order-2", credit_name="别人")
    assert running.gateway.submit(other_name, now=NOW).reason == "name_mismatch"
    back = an_order("order-3", 1, debit_account=PAYEE, credit_account=PAYER, credit_name="台州市财政专户")
    assert running.gateway.submit(back, now=NOW).kind is Kind.SUCCEEDED


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("account,name,balance_fen\n100100,x,1.5\n", "bad_row"),
        ("account,name\n100100,y\n,x\n", "bad_row"),
        ("name\nx\n", "columns_missing"),
        ("account,name,balance_fen\n100100,x,-1\n", "bad_row"),
        ("account,name\n1.001E+05,x\n", "bad_row"),
        ("", "file_unreadable"),
    ],
)
def test_unreadable_accounts_are_named(tmp_path, content, code, capsys):
    file = tmp_path / "accounts.csv"
    file.write_text(content)
    assert main(["sandbox-bank", "--accounts", str(file), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code


def test_a_book_serves_one_bank_at_a_time(bank, tmp_path):
    with pytest.raises(InputError) as caught:
        BankFile(tmp_path / "bank.db")
    assert caught.value.code == "bank_book_unusable"


def test_a_file_that_is_no_book_is_refused(tmp_path):
    (tmp_path / "book").write_text("not a database, but long enough to be looked at")
    with pytest.raises(InputError):
        BankFile(tmp_path / "book")


def test_commands_switch_faults_and_show_the_book(bank, capsys):
    url = ["--url", bank.server.url]
    assert main(["sandbox-bank", "fault", "500_after", "--times", "2", *url]) == 0
    gateway = bank.gateway()
    assert [gateway.submit(an_order(), now=NOW).kind for _ in range(3)] == [
        Kind.UNKNOWN,
        Kind.UNKNOWN,
        Kind.SUCCEEDED,
    ]
    capsys.readouterr()
    assert main(["sandbox-bank", "book", "--json", *url]) == 0
    book = json.loads(capsys.readouterr().out)
    assert [execution["key"] for execution in book["executions"]] == ["order-1"]
    assert main(["sandbox-bank", "book", *url]) == 0
    assert "椒江区医保支出户" in capsys.readouterr().out
    main(["sandbox-bank", "fault", "reject", *url])
    main(["sandbox-bank", "fault", "--clear", *url])
    assert gateway.submit(an_order("order-2"), now=NOW).kind is Kind.SUCCEEDED


@pytest.mark.parametrize(
    "tokens",
    [
        ["fault", "no_such_fault"],
        ["fault", "reject", "--call", "query"],
        ["fault", "reject", "--call", "dance"],
        ["fault", "reject", "--times", "0"],
        ["clock", "noon"],
    ],
)
def test_a_wrong_switch_is_refused_in_a_sentence(bank, tokens, capsys):
    assert main(["sandbox-bank", *tokens, "--url", bank.server.url]) == 2
    errors = capsys.readouterr().err
    assert "请：" in errors
    assert "Traceback" not in errors


def test_a_bank_that_is_not_there_is_exit_4(bank, capsys):
    url = bank.server.url
    bank.server.shutdown()
    bank.server.server_close()
    assert main(["sandbox-bank", "book", "--url", url]) == 4
    assert "sandbox_bank_unreachable" in capsys.readouterr().err


def test_a_set_clock_rules_over_the_business_time_of_requests(bank, capsys):
    url = ["--url", bank.server.url]
    gateway = bank.gateway()
    assert main(["sandbox-bank", "clock", "2026-10-08", *url]) == 0
    assert gateway.submit(an_order(), now=NOW).reason == "expired"
    assert main(["sandbox-bank", "clock", "follow", *url]) == 0
    assert gateway.submit(an_order("order-2"), now=NOW).executed_at == NOW


def test_setting_the_clock_lets_happen_what_is_due(bank):
    bank.bank.plan.add("processing")
    gateway = bank.gateway()
    assert gateway.submit(an_order(), now=NOW).kind is Kind.PROCESSING
    httpx.post(f"{bank.server.url}/sandbox/clock", json={"now": "2026-10-03T09:00:00+08:00"})
    assert bank.book.executions_of("order-1") == 1


def test_deposits_and_returns_show_on_the_statement(bank):
    gateway = bank.gateway()
    gateway.submit(an_order(), now=NOW)
    at = NOW.isoformat()
    deposit = {"account": PAYER, "amount_fen": 5, "counterparty": "税务", "at": at}
    assert httpx.post(f"{bank.server.url}/sandbox/deposits", json=deposit).status_code == 200
    returned = {"key": "order-1", "reason": "账户销户", "at": at}
    assert httpx.post(f"{bank.server.url}/sandbox/returns", json=returned).status_code == 200
    assert httpx.post(f"{bank.server.url}/sandbox/returns", json=returned).status_code == 400
    lines = gateway.statement(PAYER, NOW.date(), now=NOW).lines
    assert [(line.direction, line.amount_fen) for line in lines] == [
        ("debit", 12_345),
        ("credit", 5),
        ("credit", 12_345),
    ]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"key": "order-1"}', an_order().body[:-1] + b',"extra":"1"}', b"\xff"]
)
def test_an_order_that_is_no_order_is_refused_and_forgotten(bank, body):
    path = "/v1/transfers"
    headers = signed(path, body) | {"Idempotency-Key": "order-1"}
    assert httpx.post(bank.server.url + path, content=body, headers=headers).status_code == 400
    assert bank.book.transfers == {}


def test_the_key_in_the_header_is_the_key_of_the_order(bank):
    path, body = "/v1/transfers", an_order().body
    for header in ({"Idempotency-Key": "order-2"}, {}):
        response = httpx.post(bank.server.url + path, content=body, headers=signed(path, body) | header)
        assert response.status_code == 400
    assert bank.book.transfers == {}


def signed(path, body):
    return signed_headers(SECRET, KEY_ID, method="POST", path=path, body=body, at_unix_s=int(time.time()))


def test_many_callers_at_once_move_each_key_once(bank):
    gateway = bank.gateway()
    orders = [an_order(f"order-{number % 10}", 100) for number in range(40)]
    threads = [
        threading.Thread(target=gateway.submit, args=(order,), kwargs={"now": NOW}) for order in orders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bank.book.executions) == 10
    assert bank.book.accounts[PAYEE].balance_fen == 1_000


@pytest.fixture
def listener():
    """Where the product would take callbacks: yields its URL and a queue of (is authentic, document)."""
    received = queue.Queue()

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            good = is_authentic(
                SECRET, KEY_ID, self.headers, method="POST", path=self.path, body=body, at_unix_s=time.time()
            )
            received.put((good, json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/callbacks/gateway", received
    server.shutdown()
    server.server_close()


@pytest.fixture
def calling_bank(tmp_path, listener):
    running = start_bank(tmp_path / "calling.db", callback_url=listener[0])
    yield running
    running.stop()


def test_a_change_of_state_is_called_back_signed(calling_bank, listener):
    calling_bank.bank.plan.add("processing", seconds=60)
    calling_bank.gateway().submit(an_order(), now=NOW)
    good, first = listener[1].get(timeout=10)
    assert (good, first["key"], first["state"]) == (True, "order-1", "processing")
    httpx.post(f"{calling_bank.server.url}/sandbox/clock", json={"now": "2026-10-01T10:00:00+08:00"})
    good, second = listener[1].get(timeout=10)
    assert (good, second["state"]) == (True, "succeeded")
    assert first["event_id"] != second["event_id"]


def test_a_callback_can_come_before_the_answer(calling_bank, listener):
    calling_bank.bank.plan.add("callback_early")
    calling_bank.gateway().submit(an_order(), now=NOW)
    assert listener[1].get_nowait()[1]["state"] == "succeeded"


def test_faults_make_callbacks_repeat_swap_and_lie(calling_bank, listener):
    gateway, plan = calling_bank.gateway(), calling_bank.bank.plan
    plan.add("callback_ten_times", key="ten")
    plan.add("callback_unknown_key", key="stranger")
    plan.add("callback_bad_signature", key="forged")
    plan.add("callback_out_of_order", key="late")
    for key in ("ten", "stranger", "forged", "late", "next"):
        gateway.submit(an_order(key, 1), now=NOW)
    arrived = [listener[1].get(timeout=10) for _ in range(14)]
    assert [document["key"] for _, document in arrived] == [
        *["ten"] * 10,
        "unknown-key",
        "forged",
        "next",
        "late",
    ]
    assert [good for good, _ in arrived].count(False) == 1
    assert len({document["event_id"] for _, document in arrived[:10]}) == 1


def test_a_bank_whose_callbacks_find_nobody_works_on(tmp_path):
    running = start_bank(tmp_path / "lonely.db", callback_url="http://127.0.0.1:9/callbacks/gateway")
    assert running.gateway().submit(an_order(), now=NOW).kind is Kind.SUCCEEDED
    assert running.gateway().query(an_order(), now=NOW).kind is Kind.SUCCEEDED
    running.stop()


def test_a_stopped_bank_answers_nobody_on_a_connection_that_was_kept(bank):
    gateway = bank.gateway(SILENCE_ENDS)
    assert gateway.query(an_order(), now=NOW).kind is Kind.NOT_FOUND
    bank.server.shutdown()
    assert gateway.query(an_order(), now=NOW).kind is Kind.UNKNOWN
