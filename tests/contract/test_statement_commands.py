"""The bank's side on the command line: files out and in, limits and terms, forms; one JSON document each."""

import json
from pathlib import Path
from typing import Any

import pytest

from fundpool.bootstrap import build_ports
from fundpool.console.cli import main
from fundpool.domain.chart_of_accounts import AccountRef, AccountType
from fundpool.domain.errors import RuleViolation
from fundpool.domain.transfer import PaymentOrder
from fundpool.services.books import booking
from fundpool.services.payments import bank_accounts, batches, sending
from fundpool.services.ports.money_ports import AccountProposal
from fundpool.settings import Settings
from tests.simulation.scene import CHECKER, CITY, CITY_UNIT, DIRECT, FUND, MAKER, MONTH, NOW, RELEASER

PURSE, COUNTY = "33100000000010001", "33100200000010001"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    for name, value in {
        "FUNDPOOL_HOME": str(tmp_path),
        "FUNDPOOL_GATEWAY_KIND": "file",
        "FUNDPOOL_LIMIT_PER_PAYEE_YUAN": "20000.00",
        "FUNDPOOL_GATEWAY_KEY_RETENTION": "10d",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("FUNDPOOL_GATEWAY_URL", raising=False)
    assert run(capsys, "init", "--sandbox")[0] == 0
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    status = main([*arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


def released(home: Path, amount_fen: int) -> None:
    """One released payment of the fiscal account to a county."""

    def act(work):
        for kind, unit, number in (
            ("fiscal_account", CITY_UNIT, PURSE),
            ("county_expenditure", "331002", COUNTY),
        ):
            proposal = AccountProposal(CITY, FUND, unit, AccountType(kind), number, f"{unit}户", "农业银行")
            account = bank_accounts.propose_account(work, proposal, MAKER, now=NOW)
            bank_accounts.approve_account(work, account.id, CHECKER, now=NOW)
        purse = AccountRef(CITY, FUND, AccountType.FISCAL_ACCOUNT, CITY_UNIT)
        booking.open_balances(work, [(purse, 100_000_00)], by=MAKER, event_at=NOW.replace(day=7), now=NOW)
        order = PaymentOrder(CITY, FUND, MONTH, DIRECT, CITY_UNIT, "331002", amount_fen)
        batches.order_transfers(work, [order], MAKER, now=NOW)
        batches.authorise(work, CITY, MONTH, hop=DIRECT, checker=CHECKER, releaser=RELEASER, now=NOW)

    build_ports(Settings()).database.transaction(act)


def send() -> str:
    ports = build_ports(Settings())
    (outcome,) = sending.send_batch(ports, CITY, MONTH, hop=DIRECT, worker="w", now=NOW)
    return outcome.state.value


def test_a_payment_goes_out_and_comes_back_by_file_and_the_form_balances(home, capsys):
    released(home, 20_000_00)
    assert send() == "in_flight"
    status, answer = run(
        capsys, "sandbox-bank", "files", "--as-of", "2026-10-08T12:00", "--statements", "2026-10-08"
    )
    assert status == 0
    assert [order["status"] for order in answer["orders"]] == ["ACSP"]
    assert answer["statements"] == [f"camt053-{PURSE}-2026-10-08.xml", f"camt053-{COUNTY}-2026-10-08.xml"]
    status, answer = run(capsys, "transfers", "bank-files")
    assert (status, [row["code"] for row in answer["files"]]) == (0, [None] * 3)
    status, answer = run(
        capsys,
        "transfers",
        "statement",
        "--city",
        CITY,
        "--date",
        "2026-10-08",
        "--as-of",
        "2026-10-10T09:00",
    )
    assert (status, answer["lines_new"], answer["settled"]) == (0, 1, 1)
    status, answer = run(
        capsys,
        "transfers",
        "statement",
        "--city",
        CITY,
        "--date",
        "2026-10-09",
        "--as-of",
        "2026-10-11T09:00",
    )
    assert (status, answer["error"]["code"]) == (4, "statement_not_arrived")
    form = ["transfers", "reconciliation", "--city", CITY, "--month", "2026-10", "--as-of", "2026-11-02"]
    status, answer = run(capsys, *form)
    assert (status, answer["accounts"][0]["bank_fen"]) == (1, None)
    balance = [
        "--account",
        PURSE,
        "--date",
        "2026-10-31",
        "--balance",
        "80000.00",
        "--source",
        "纸质",
        "--by",
        MAKER,
    ]
    assert run(capsys, "transfers", "bank-balance", *balance)[0] == 0
    status, answer = run(capsys, *form)
    (account,) = answer["accounts"]
    assert (status, account["difference_fen"], account["items"]) == (0, 0, [])
    assert Path(answer["file"]).exists()


def test_a_foreign_or_broken_file_in_the_inbox_is_named(home, capsys):
    inbox = home / "bank" / "inbox"
    inbox.mkdir(parents=True)
    (inbox / "broken.xml").write_text("<", encoding="utf-8")
    released(home, 1_00)
    send()
    run(capsys, "sandbox-bank", "files", "--as-of", "2026-10-08T12:00")
    text = next(inbox.glob("pain002*")).read_text(encoding="utf-8")
    digits = next(inbox.glob("pain002*")).name.split("-")[1]
    (inbox / "foreign.xml").write_text(text.replace(digits, "0" * 32), encoding="utf-8")
    status, answer = run(capsys, "transfers", "bank-files")
    assert status == 1
    assert {row["file"]: row["code"] for row in answer["files"] if row["code"]} == {
        "broken.xml": "bank_file_unreadable",
        "foreign.xml": "not_ours",
    }


def test_limits_of_the_settings_hold_to_the_fen_and_are_shown_with_the_terms(home, capsys):
    with pytest.raises(RuleViolation) as refused:
        released(home, 20_000_01)
    assert refused.value.code == "exceeds_limit"
    assert list(home.glob("bank/outbox/*.xml")) == []
    status, answer = run(capsys, "transfers", "terms")
    assert status == 0
    assert answer["limits"] == {"per_payee_fen": 20_000_00, "per_batch_fen": None, "per_day_fen": None}
    assert (answer["gateway"], answer["terms"]["can_close"]) == ("file", False)
    assert answer["terms"]["key_retention_s"] == 10 * 86_400
    assert answer["terms"]["statement_reread_s"] == 400 * 86_400


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FUNDPOOL_LIMIT_PER_DAY_YUAN", "0"),
        ("FUNDPOOL_LIMIT_PER_BATCH_YUAN", "１００"),
        ("FUNDPOOL_GATEWAY_HELD_AFTER", "3"),
        ("FUNDPOOL_GATEWAY_LEASE", "60s"),
        ("FUNDPOOL_GATEWAY_KEY_RETENTION", "20min"),
        ("FUNDPOOL_GATEWAY_KIND", "fax"),
    ],
)
def test_a_setting_without_its_unit_or_out_of_reason_is_refused(monkeypatch, capsys, variable, value):
    monkeypatch.setenv(variable, value)
    status, answer = run(capsys, "transfers", "terms")
    assert (status, answer["error"]["code"]) == (2, "bad_settings")
    assert variable in answer["error"]["message"]
