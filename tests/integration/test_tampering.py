"""Somebody edits the tables behind the program: every column, every row, every trail, on both databases."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Executable,
    Row,
    Table,
    delete,
    func,
    insert,
    select,
    type_coerce,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.types import NULLTYPE

from fundpool.adapters.documents.parser_process import parse_files
from fundpool.adapters.stores.anchor_places import AnchorFile, AnchorPlaces
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions, SqlWork
from fundpool.console.cli import main
from fundpool.domain.accounts import Account, ApiToken, Session
from fundpool.domain.errors import RuleViolation, ServiceUnavailable
from fundpool.domain.month_records import Extension, NilReturn
from fundpool.domain.notices import Call, Notice, NoticeKind
from fundpool.domain.paper import PaperKind, PaperNumber
from fundpool.domain.rights import Role
from fundpool.domain.schedule import ScheduledStep
from fundpool.domain.submission import DocumentKind
from fundpool.domain.transfer import PaymentLimits
from fundpool.sandbox_bank.bank_book import BankBook
from fundpool.services.books import audit_checks
from fundpool.services.books.audit_checks import keep_anchor, take_anchor, verify_everything
from fundpool.services.payments.recovery import quarantine
from fundpool.services.ports.money_ports import Break
from fundpool.services.ports.notices import Act
from fundpool.services.ports.statement_ports import MatchRule, StatedBalance
from fundpool.services.ports.work import Work
from schemas.tables import metadata
from schemas.tables.audit import audit
from schemas.tables.base import Moment, stored_moment
from schemas.tables.row_trail import row_trail
from tests.conftest import copy_of, template_of
from tests.crash.small_month import CITY, OCTOBER, TERMS, SmallMonth
from tests.integration.month_scene import at
from tests.scripted_bank import ScriptedGateway
from tests.seals import SEALS
from tests.simulation.scene import Scene

pytestmark = pytest.mark.slow

NOW = at("2026-11-13 09:00")
# Neither holds facts: whose turn it is to write, and which release wrote the tables.
TABLES = tuple(table for table in metadata.sorted_tables if table.name not in {"writers_turn", "release"})


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def played_month(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A month with reviews, a refusal, a lost order, a retry, a reversal and closed books; no table is empty."""
    folder = tmp_path_factory.mktemp("played")
    database = copy_of(template_of(request), folder)
    transactions = SqlTransactions(database, SEALS)
    month = SmallMonth(transactions, folder, ScriptedGateway(BankBook()), parse_files, is_new=True)
    month.write_files()
    gateway = ScriptedGateway(*month.bank([]))
    month = SmallMonth(transactions, folder, gateway, parse_files, is_new=False)
    for act in month.acts():
        act.do(act.at)
    transactions.transaction(lambda work: _further(work, month.counties[0]))
    # The reversal of a payment's leg, a break and an owner, a stopped fund.
    transactions.transaction(lambda work: quarantine(work, now=NOW, terms=TERMS))
    database.dispose()
    return database


@pytest.fixture
def played(played_month: Database, tmp_path: Path) -> Iterator[SqlTransactions]:
    """The test's own copy of the played month."""
    database = copy_of(played_month, tmp_path)
    yield SqlTransactions(database, SEALS)
    database.dispose()


def _further(work: Work, county: str) -> None:
    """Rows of the tables that the month leaves empty."""
    work.records.add_extension(
        Extension(CITY, OCTOBER, "plan-collection", None, date(2026, 9, 20), "延〔1〕", "甲", "乙", NOW)
    )
    work.records.add_nil_return(
        NilReturn(CITY, OCTOBER, DocumentKind.PLAN, county, "无业务", "甲", NOW, None, None), NOW
    )
    work.budgets.set_budget(
        CITY,
        2026,
        county,
        fund="employee",
        amount_fen=9_000_000_00,
        document_number="财〔1〕",
        by="甲",
        at=NOW,
    )
    step = ScheduledStep(CITY, "plan-collection", OCTOBER, date(2026, 9, 14), reserved_at=NOW)
    work.scheduled_steps.reserve(step)
    work.scheduled_steps.set_run(step, "run-1")
    account = work.accounts.find(CITY)[0].account_no
    work.statements.state_balance(account, StatedBalance(date(2026, 10, 8), 1, "对账单", "甲", NOW))
    work.statements.add_match(1, "posting/1", MatchRule.PERSON, by="甲", at=NOW)
    work.breaks.add(
        Break(
            id=0,
            kind="amount_differs",
            reference="r1",
            city=CITY,
            fund="employee",
            detail_zh="差",
            detail_en="differs",
            stops_fund=False,
            found_at=NOW,
        )
    )
    work.notices.add(Notice("tick:2026-11-13", NoticeKind.TICK_MISSING, "未完成", "not done", "看 see"), NOW)
    work.notices.add_call(Call(0, CITY, OCTOBER, "submit_fund_use_plan", county, "甲", "明日报", "乙", NOW))
    work.papers.add(
        PaperNumber(CITY, PaperKind.APPLICATION, 2026, 1, 1, str(OCTOBER), "employee", "0" * 64, NOW)
    )
    work.last_done.record(Act.DAILY_TICK, NOW, CITY)
    work.breaks.assign(work.breaks.find(CITY)[0].id, "甲")
    work.users.add(Account("甲", Role.COUNTY_SUBMIT, CITY, county, "-", NOW, "system"))
    work.users.add_session(Session("0" * 64, "甲", NOW))
    work.users.add_token(ApiToken("0" * 64, "甲", "接口", NOW, "system", NOW + timedelta(days=1)))


@contextmanager
def behind_the_program(database: Database) -> Iterator[Connection]:
    """A writer whom the database's own rules do not hold; what is done is undone at the end."""
    with database.engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        if database.is_sqlite:
            raw.cursor().execute("PRAGMA foreign_keys = OFF")
            raw.cursor().execute("PRAGMA ignore_check_constraints = ON")
        try:
            transaction = connection.begin()
            if database.is_sqlite:
                connection.exec_driver_sql(database.take_turn)  # each edit is a savepoint within it
            else:
                connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
                checks = connection.exec_driver_sql(
                    "SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0"
                ).all()
                for table, check in checks:
                    connection.exec_driver_sql(f'ALTER TABLE {table} DROP CONSTRAINT "{check}"')
            yield connection
            transaction.rollback()
        finally:
            if database.is_sqlite:
                raw.cursor().execute("PRAGMA foreign_keys = ON")
                raw.cursor().execute("PRAGMA ignore_check_constraints = OFF")


def faults_after(connection: Connection, *edits: Executable) -> set[tuple[str, str, str]] | None:
    """What verification finds of an edit, which is then undone; None when the database refused the edit."""
    edit = connection.begin_nested()
    try:
        for each in edits:
            connection.execute(each)
        found = verify_everything(SqlWork(connection, SEALS, PaymentLimits()), [])
        return {(fault.kind, fault.subject, fault.en) for fault in found.faults}
    except IntegrityError:
        return None
    finally:
        edit.rollback()


def raw_rows(connection: Connection, table: Table) -> list[Row[Any]]:
    """The rows without their types, in the order of their keys."""
    columns = [type_coerce(column, NULLTYPE).label(column.name) for column in table.columns]
    return list(connection.execute(select(*columns).order_by(*table.primary_key)))


def another(value: Any, column: Column[Any]) -> Any:
    """A different value of the column's type."""
    kind = datetime if isinstance(column.type, Moment) else column.type.python_type
    if value is None:
        return {int: 1, bool: True, bytes: b"x", datetime: "2026-01-01T00:00:00.000000+00:00"}.get(kind, "x")
    if isinstance(value, int):
        return type(value)(1 - value) if kind is bool else value + 1_000
    if isinstance(value, bytes):
        return value + b"x"
    if isinstance(value, date):
        return value + timedelta(days=1)
    if kind in {datetime, date}:
        later = kind.fromisoformat(value) + timedelta(days=1)
        return stored_moment(later) if kind is datetime else later.isoformat()
    return value[:-1] + ("x" if value[-1:] != "x" else "y")


def row_is(table: Table, row: Row[Any]) -> Any:
    return [type_coerce(column, NULLTYPE) == getattr(row, column.name) for column in table.primary_key]


def setting(table: Table, row: Row[Any], **values: Any) -> Executable:
    """Sets columns of the row, whatever their types would say."""
    return (
        update(table)
        .where(*row_is(table, row))
        .values({name: type_coerce(value, NULLTYPE) for name, value in values.items()})
    )


OWN_CHAIN = {"audit", "posting", "row_trail"}
RECOMPUTED = {"ledger_account.posted_fen", "ledger_account.reserved_fen"}
TOGETHER = [table for table in TABLES if table.name not in OWN_CHAIN | {"ledger_account", "latest_seal"}]
"""A fault of their rows names the table and the key: one verification tells an edit of each table apart."""
ALONE = [table for table in TABLES if table not in TOGETHER]


def of_table(faults: set[tuple[str, str, str]], table: Table) -> set[tuple[str, str, str]]:
    return {fault for fault in faults if fault[1].startswith(f"{table.name} [")}


def columns_to_edit() -> Iterator[list[Column[Any]]]:
    """Every column once, with those that are edited in one go; a key alone, since it names the row."""
    values = [[column for column in table.columns if not column.primary_key] for table in TOGETHER]
    for columns in zip_longest(*values):
        yield [column for column in columns if column is not None]
    for table in TABLES:
        yield from ([column] for column in table.columns if column.primary_key or table in ALONE)


def test_no_edit_of_any_column_of_any_table_goes_unseen(played: SqlTransactions) -> None:
    assert played.read(lambda work: verify_everything(work, [])).faults == []
    unseen, refused, unnamed = set(), set(), set()
    with behind_the_program(played.database) as connection:
        rows = {table: middle_row(connection, table) for table in TABLES}
        for columns in columns_to_edit():
            edits = []
            for column in columns:
                row = rows[column.table]
                value = another(getattr(row, column.name), column)
                edits.append(setting(column.table, row, **{column.name: value}))
            found = faults_after(connection, *edits)
            for column in columns:
                if found is None:
                    refused.add(str(column))
                    continue
                faults = found if len(columns) == 1 else of_table(found, column.table)
                if not faults:
                    unseen.add(str(column))
                elif column.table.name not in OWN_CHAIN and not any(column.name in en for _, _, en in faults):
                    unnamed.add(str(column))
    # Every page writes when a session was used last: at most an idle one is kept open to its sealed end.
    assert unseen == {"user_session.last_seen_at"}
    assert unnamed <= {str(c) for table in TABLES for c in table.primary_key} | RECOMPUTED
    assert refused == set()


def middle_row(connection: Connection, table: Table) -> Row[Any]:
    rows = raw_rows(connection, table)
    assert rows, f"the played month leaves {table.name} empty"
    return rows[len(rows) // 2]


def test_no_deletion_and_no_insertion_goes_unseen(played: SqlTransactions) -> None:
    def is_row(table: Table) -> Any:
        return row_is(table, rows[table])

    edits: dict[str, Callable[[Table], Executable]] = {
        "deleted": lambda table: delete(table).where(*is_row(table)),
        "added": lambda table: adding_like(table, rows[table]),
        "emptied": delete,
    }
    with behind_the_program(played.database) as connection:
        rows = {table: middle_row(connection, table) for table in TABLES}
        for name, edit_of in edits.items():
            together = faults_after(connection, *map(edit_of, TOGETHER))
            assert together is not None
            for table in TOGETHER:
                assert of_table(together, table), f"{table}: {name}"
            for table in ALONE:
                assert faults_after(connection, edit_of(table)), f"{table}: {name}"


def adding_like(table: Table, row: Row[Any]) -> Executable:
    """Adds a row like another but for its key and whatever else must be unique."""
    unique = {column.name for column in table.primary_key}
    unique |= {c.name for key in table.constraints if hasattr(key, "columns") for c in key.columns}
    unique |= {c.name for index in table.indexes if index.unique for c in index.columns}
    values = dict(row._mapping)
    for name in (each for each in unique if values[each] is not None):
        values[name] = another(values[name], table.c[name])
    if table.name == "ledger_account":
        values |= {"posted_fen": 0, "reserved_fen": 0}
    return insert(table).values({name: type_coerce(value, NULLTYPE) for name, value in values.items()})


def test_the_ends_of_the_trails_cannot_be_cut_off_or_put_back(played: SqlTransactions) -> None:
    last = played.read(lambda work: work.trail.head())
    with behind_the_program(played.database) as connection:
        some = connection.scalar(select(func.max(audit.c.number)))
        assert some is not None
        for tail in (1, 2, 50):
            assert faults_after(connection, delete(audit).where(audit.c.number > some - tail))
            assert faults_after(connection, delete(row_trail).where(row_trail.c.number > last.number - tail))
        # The last record as an earlier one was, which bears a good seal.
        earlier = connection.execute(select(row_trail).where(row_trail.c.number == last.number - 5)).one()
        values = {name: getattr(earlier, name) for name in ("audit_number", "audit_hash", "rows", "seal")}
        of_last = row_trail.c.number == last.number
        assert faults_after(connection, update(row_trail).where(of_last).values(values))


def test_nothing_is_written_behind_a_trail_whose_tail_was_cut_off(without_record: Database) -> None:
    transactions = SqlTransactions(without_record, SEALS)

    def write(subject: str) -> None:
        transactions.transaction(
            lambda work: work.audit.append(at=NOW, actor="a", action="b", subject=subject)
        )

    write("first")
    write("second")
    with transactions.database.engine.begin() as connection:
        connection.execute(delete(row_trail).where(row_trail.c.number == 2))
    with pytest.raises(RuleViolation) as refusal:
        write("third")
    assert refusal.value.code == "trail_broken"


def test_an_earlier_version_of_a_row_is_a_fault_and_not_taken_over_by_the_next_writer(
    played: SqlTransactions,
) -> None:
    transactions, database = played, played.database
    switch = metadata.tables["kill_switch"]
    now = transactions.read(lambda work: work.switches.kill_switches()[0])
    with database.engine.begin() as connection:
        before = raw_rows(connection, switch)[0]
    transactions.transaction(lambda work: work.switches.set_kill_switch(replace(now, reason="另一原因")))
    assert transactions.read(lambda work: verify_everything(work, [])).faults == []
    with database.engine.begin() as connection:
        connection.execute(setting(switch, before, **before._mapping))
    faults = transactions.read(lambda work: verify_everything(work, [])).faults
    assert [(each.kind, "reason" in each.en) for each in faults] == [
        ("row_altered", True),
        ("seal_not_latest", False),
    ]
    # Written on by the program, the row is what the trail says again; the edit is still a fault.
    transactions.transaction(lambda work: work.switches.set_kill_switch(replace(now, reason="另一原因")))
    faults = transactions.read(lambda work: verify_everything(work, [])).faults
    assert [each.kind for each in faults] == ["row_altered_before"]


def test_only_an_anchor_detects_that_the_whole_database_was_put_back(without_record: Database) -> None:
    database, transactions = without_record, SqlTransactions(without_record, SEALS)
    transactions.transaction(lambda work: work.audit.append(at=NOW, actor="a", action="b", subject="c"))
    anchor = transactions.read(lambda work: take_anchor(work, NOW))
    with database.engine.begin() as connection:
        connection.execute(delete(audit))
        connection.execute(delete(row_trail))
    assert transactions.read(lambda work: verify_everything(work, [])).faults == []
    faults = transactions.read(lambda work: verify_everything(work, [anchor])).faults
    assert {each.kind for each in faults} == {"trail_truncated", "audit_truncated"}


def test_the_day_s_anchor_is_written_once_to_every_place(without_record: Database, tmp_path: Path) -> None:
    transactions = SqlTransactions(without_record, SEALS)
    transactions.transaction(lambda work: work.audit.append(at=NOW, actor="a", action="b", subject="c"))
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    places = [AnchorFile(tmp_path / "anchors.jsonl"), AnchorFile(folder)]
    ports: Any = SimpleNamespace(database=transactions, anchors=AnchorPlaces(places))
    for hours in (0, 1, 24):
        keep_anchor(ports, NOW + timedelta(hours=hours))
    for file in (tmp_path / "anchors.jsonl", folder / "anchors.jsonl"):
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        assert [line["at"][:10] for line in lines] == ["2026-11-13", "2026-11-14"]
        assert lines[0]["rows"] == {
            "number": 1,
            "hash": transactions.read(lambda work: work.trail.head()).seal,
        }
    away: Any = SimpleNamespace(
        database=transactions, anchors=AnchorPlaces([AnchorFile(tmp_path / "no" / "disk"), *places])
    )
    with pytest.raises(ServiceUnavailable) as failure:
        keep_anchor(away, NOW + timedelta(days=3))
    assert failure.value.code == "anchor_not_written"
    # The places that can be written to have it all the same.
    assert len((folder / "anchors.jsonl").read_text(encoding="utf-8").splitlines()) == 3


Verify = Callable[..., tuple[int, Any]]


@pytest.fixture
def verify(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Verify:
    """``fundpool audit verify`` of an installation whose history counts as long: exit status and answer."""
    monkeypatch.setenv("FUNDPOOL_DATABASE_URL", database.url)
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path))
    monkeypatch.setattr(audit_checks, "READ_WHOLE_UP_TO", 1)

    def run(*arguments: str) -> tuple[int, Any]:
        status = main(["audit", "verify", *arguments, "--json"])
        return status, json.loads(capsys.readouterr().out)

    return run


def edit(database: Database, *statements: str) -> None:
    with database.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_a_long_history_that_was_verified_is_read_from_there_on(
    database: Database, tmp_path: Path, verify: Verify
) -> None:
    scene = Scene(SqlTransactions(database, SEALS))
    scene.release()
    # A checkpoint that somebody without the key wrote is no place to begin at.
    forged = scene.ports.database.read(lambda work: take_anchor(work, NOW).with_checkpoint(work))
    assert forged.checkpoint is not None
    forged = replace(forged, checkpoint=replace(forged.checkpoint, seal="0" * 64))
    anchors = tmp_path / "anchors.jsonl"
    anchors.write_text(json.dumps(forged.as_document()) + "\nnot an anchor\n", encoding="utf-8")
    status, whole = verify()
    assert (status, whole["checked"]["since"]) == (0, None)
    scene.send()
    status, part = verify()
    assert (status, part["faults"]) == (0, [])
    assert part["checked"]["since"] is not None
    trail = scene.ports.database.read(lambda work: work.trail.head())
    assert part["checked"]["records"] == trail.number - whole["checked"]["records"] > 0
    lines = anchors.read_text(encoding="utf-8").splitlines()
    assert verify("--full")[1]["checked"]["rows"] > part["checked"]["rows"]
    # Back to the checkpoint before the one of --full.
    anchors.write_text("\n".join(lines) + "\n", encoding="utf-8")
    edit(
        database,
        "UPDATE attempt SET amount_fen = amount_fen + 1 WHERE id = (SELECT max(id) FROM attempt)",
        "UPDATE posting SET memo = 'x' WHERE id = (SELECT max(id) FROM posting)",
    )
    status, part = verify()
    assert status == 1
    assert part["checked"]["since"] is not None
    assert {each["kind"] for each in part["faults"]} == {"row_altered", "voucher_altered"}


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("DELETE FROM audit WHERE number = (SELECT max(number) FROM audit)", "audit_truncated"),
        ("DELETE FROM audit WHERE number = 1", "audit_gap"),
        ("DELETE FROM gateway_call WHERE id = 1", "row_missing"),
        ("DELETE FROM row_trail WHERE number = 1", "trail_gap"),
        ("UPDATE ledger_account SET posted_fen = posted_fen + 1 WHERE id = 1", "balance_differs"),
    ],
)
def test_deleted_rows_and_a_wrong_balance_are_faults_however_old(
    database: Database, verify: Verify, statement: str, kind: str
) -> None:
    scene = Scene(SqlTransactions(database, SEALS))
    scene.release()
    scene.send()
    assert verify()[0] == 0
    scene.ports.database.transaction(
        lambda work: work.audit.append(at=NOW, actor="a", action="b", subject="c")
    )
    assert verify()[1]["checked"]["since"] is not None
    edit(database, statement)
    status, found = verify()
    assert status == 1
    assert kind in {each["kind"] for each in found["faults"]}


def test_only_a_full_verification_finds_an_edit_of_a_row_before_the_checkpoint(
    database: Database, verify: Verify
) -> None:
    scene = Scene(SqlTransactions(database, SEALS))
    scene.release()
    scene.send()
    assert verify()[0] == 0
    edit(database, "UPDATE attempt SET amount_fen = amount_fen + 1 WHERE id = 1")
    assert verify()[0] == 0
    status, found = verify("--full")
    assert (status, [each["kind"] for each in found["faults"]]) == (1, ["row_altered"])


def test_a_checkpoint_younger_than_the_restored_books_is_no_place_to_begin_at(
    database: Database, verify: Verify, tmp_path: Path
) -> None:
    scene = Scene(SqlTransactions(database, SEALS))
    scene.release()
    assert verify()[0] == 0
    last = scene.ports.database.read(lambda work: work.trail.head())
    anchors = tmp_path / "anchors.jsonl"
    for replaced in (f'"number": {last.number + 5}', f'"hash": "{"0" * 64}"'):
        line = anchors.read_text(encoding="utf-8").splitlines()[0]
        document = json.loads(line)
        document["rows"] |= json.loads("{" + replaced + "}")
        anchor = audit_checks.Anchor.from_document(document)
        resealed = scene.ports.database.read(anchor.with_checkpoint)
        anchors.write_text(json.dumps(resealed.as_document()) + "\n", encoding="utf-8")
        assert verify()[1]["checked"]["since"] is None


def test_an_anchor_from_before_the_checkpoint_is_compared_too(
    database: Database, verify: Verify, tmp_path: Path
) -> None:
    scene = Scene(SqlTransactions(database, SEALS))
    scene.release()
    early = scene.ports.database.read(lambda work: take_anchor(work, NOW))
    scene.send()
    assert verify()[0] == 0
    for anchor, status in ((early, 0), (replace(early, row_seal="0" * 64), 1)):
        file = tmp_path / "early.json"
        file.write_text(json.dumps(anchor.as_document()), encoding="utf-8")
        found = verify("--anchor", str(file))
        assert (found[0], found[1]["checked"]["since"] is not None) == (status, True)
