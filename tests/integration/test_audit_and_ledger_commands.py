"""Books and audit trail from the command line, and what happens when somebody edits the tables."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.cli import main
from tests.simulation.scene import CITY, FUND, Scene


@pytest.fixture(autouse=True)
def settings(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDPOOL_DATABASE_URL", database.url)
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))


@pytest.fixture
def scene(transactions: SqlTransactions) -> Scene:
    made = Scene(transactions)
    made.release()
    made.send()
    return made


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    status = main([*arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


def kinds(document: Any) -> set[str]:
    return {fault["kind"] for fault in document["faults"]}


def tamper(database: Database, *statements: str) -> None:
    def act(connection: Any) -> None:
        for statement in statements:
            connection.execute(text(statement))

    database.transaction(act)


def test_sound_books_verify_and_balance(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "ledger", "verify") == (0, {"ok": True, "faults": []})
    status, document = run(capsys, "ledger", "balances", "--city", CITY)
    assert status == 0
    (totals,) = document["trial_balance"]
    assert totals["debit_fen"] == totals["credit_fen"]
    held = {(each["type"], each["unit"]): each["balance_fen"] for each in document["accounts"]}
    assert held["county_expenditure", "331003"] == 100_001


def test_balances_as_of_a_moment_leave_out_what_came_later(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    _, before = run(capsys, "ledger", "balances", "--as-of", "2026-10-01")
    assert {each["type"] for each in before["accounts"] if each["balance_fen"]} == {
        "fiscal_account",
        "fund_balance",
    }
    _, now = run(capsys, "ledger", "balances")
    _, late = run(capsys, "ledger", "balances", "--as-of", "2026-12-31", "--recorded-until", "2026-12-31")
    assert [each for each in late["accounts"] if each["balance_fen"]] == [
        each for each in now["accounts"] if each["balance_fen"]
    ]


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("update posting set amount_fen = amount_fen + 1 where leg = 'post'", "voucher_altered"),
        ("update posting set memo = 'x' where leg = 'post'", "voucher_altered"),
        ("update voucher set made_by = 'x' where number = 2", "voucher_altered"),
        ("update ledger_account set posted_fen = posted_fen + 1 where unit = '331002'", "balance_differs"),
        ("update voucher set number = number + 100 where number = 7", "voucher_gap"),
    ],
)
def test_an_edited_booking_is_found(
    scene: Scene, database: Database, capsys: pytest.CaptureFixture[str], statement: str, kind: str
) -> None:
    tamper(database, statement)
    status, document = run(capsys, "ledger", "verify")
    assert status == 1
    assert kind in kinds(document)


COLUMNS = "at, actor, action, subject, before_digest, after_digest, detail, reason, previous_hash, hash"


@pytest.mark.parametrize(
    ("attack", "statements"),
    [
        ("edit", ["update audit set actor = 'x' where number = 3"]),
        ("edit of a detail", ["update audit set detail = '{}' where number = 3"]),
        ("delete", ["delete from audit where number = 3"]),
        (
            "insert",
            [
                (
                    f"insert into audit (number, {COLUMNS}) select 9999, at, actor, action, subject, before_digest,"
                    " after_digest, detail, reason, 'x', hash from audit where number = 3"
                )
            ],
        ),
        (
            "reorder",
            [
                "update audit set number = -1 where number = 3",
                "update audit set number = 3 where number = 4",
                "update audit set number = 4 where number = -1",
            ],
        ),
    ],
)
def test_an_attack_on_the_audit_trail_is_found_by_its_chain(
    scene: Scene,
    database: Database,
    capsys: pytest.CaptureFixture[str],
    attack: str,
    statements: list[str],
) -> None:
    assert run(capsys, "audit", "verify")[0] == 0
    tamper(database, *statements)
    status, document = run(capsys, "audit", "verify")
    assert status == 1, attack
    assert kinds(document) & {"audit_broken", "audit_gap"}


def test_a_cut_off_tail_is_found_and_never_written_on(
    scene: Scene, database: Database, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    anchors = tmp_path / "anchors.jsonl"
    assert main(["audit", "anchor", "--out", str(anchors)]) == 0
    capsys.readouterr()
    status, document = run(capsys, "audit", "verify", "--anchor", str(anchors))
    assert (status, document["ok"], document["anchors"], document["faults"]) == (0, True, 1, [])
    tamper(database, "delete from audit where number > 5")
    for arguments in ([], ["--anchor", str(anchors)]):
        status, document = run(capsys, "audit", "verify", *arguments)
        assert (status, kinds(document)) == (1, {"audit_truncated"})
    scene.ports.database.transaction(
        lambda work: work.audit.append(at=scene.clock(), actor="x", action="y", subject="z")
    )
    status, document = run(capsys, "audit", "verify")
    assert (status, kinds(document)) == (1, {"audit_gap", "audit_broken"})


def test_the_journal_for_beancount_adds_up_to_our_balances(
    scene: Scene, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "books.beancount"
    assert main(["ledger", "export", "--format", "beancount", "--out", str(file)]) == 0
    sums: dict[str, int] = {}
    opened = set()
    for line in file.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if line.startswith("  ") and not line.startswith("  key:"):
            assert words[0] in opened, line
            sums[words[0]] = sums.get(words[0], 0) + int(words[1].replace(".", ""))
        elif len(words) == 4 and words[1] == "open":
            opened.add(words[2])
    assert sum(sums.values()) == 0
    assert sums["Assets:Taizhou:Employee:CountyExpenditure:331004"] == 100_002
    assert sums["Assets:Taizhou:Employee:FiscalAccount:331000"] == 10_000_000 - 300_003


def test_the_csv_export_contains_no_formula(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    main(
        ["ledger", "income", "--city", CITY, "--fund", FUND, "--unit", "331000", "--amount", "1.00",
         "--reference", "@1+1", "--by", "甲", "--as-of", "2026-10-09"]
    )  # fmt: skip
    capsys.readouterr()
    assert main(["ledger", "export", "--format", "csv"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert any(row.endswith("'@1+1") for row in rows)
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row.split(","))


def test_a_reference_is_the_number_of_a_paper(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    def book(reference: str) -> tuple[int, Any]:
        return run(
            capsys, "ledger", "income", "--city", CITY, "--fund", FUND, "--unit", "331000", "--amount", "1.00",
            "--reference", reference, "--by", "甲", "--as-of", "2026-10-09",
        )  # fmt: skip

    for nothing in (" ", "", "'", "\u200b", "SJ\u200b12", "2.026E+15", "=A1"):
        status, answer = book(nothing)
        assert (status, answer["error"]["code"]) == (2, "bad_reference"), nothing
    before = run(capsys, "ledger", "balances")[1]["trial_balance"][0]["debit_fen"]
    for same in ("SJ12", "ＳＪ１２", " SJ12 ", "'SJ12"):
        assert book(same)[0] == 0
    assert run(capsys, "ledger", "balances")[1]["trial_balance"][0]["debit_fen"] == before + 100


def test_a_booking_is_reversed_from_the_command_line_once(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    key = f"opening/{CITY}:{FUND}:fiscal_account:331000"
    arguments = ["ledger", "reverse", key, "--reason", "误记", "--by", "甲", "--as-of", "2026-10-09"]
    status, document = run(capsys, *arguments)
    # The money has been paid out since: taking the opening back would overdraw the account.
    assert (status, document["error"]["code"]) == (1, "exceeds_balance")


def test_transfers_are_listed_and_shown_with_their_whole_history(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    status, listed = run(capsys, "transfers", "list", "--city", CITY, "--month", "2026-10")
    assert status == 0
    assert [each["state"] for each in listed["transfers"]] == ["settled"] * 3
    _, shown = run(capsys, "transfers", "show", str(listed["transfers"][0]["id"]))
    assert [call["phase"] for call in shown["attempts"][0]["calls"]] == ["started", "finished"]
    assert {"order_batch", "approve_batch", "release_batch", "attempt_succeeded"} <= {
        each["action"] for each in shown["history"]
    }


def test_batches_show_the_consequences_and_stopping_a_fund_is_one_command(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    _, document = run(capsys, "transfers", "batches", "--city", CITY, "--month", "2026-10")
    assert document["batches"][0]["total_fen"] == 300_003
    assert run(capsys, "transfers", "breaks")[0] == 0
    arguments = ["--city", CITY, "--fund", FUND, "--by", "甲"]
    _, stopped = run(capsys, "transfers", "stop", *arguments, "--reason", "演练")
    assert stopped["switches"][0]["is_stopped"]
    assert run(capsys, "transfers", "restart", *arguments)[1]["switches"][0]["restart_asked_by"] == "甲"
    assert run(capsys, "transfers", "restart", *arguments)[1]["error"]["code"] == "same_person"
    _, started = run(capsys, "transfers", "restart", *arguments[:-1], "乙")
    assert not started["switches"][0]["is_stopped"]


def test_a_database_without_tables_is_reported_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUNDPOOL_DATABASE_URL", f"sqlite:///{tmp_path}/empty.db")
    status, document = run(capsys, "ledger", "verify")
    assert (status, document["error"]["code"]) == (4, "database_not_set_up")
