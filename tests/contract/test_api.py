"""The API: tokens, the commands' documents over HTTP, rights; and what its description says, held by schemathesis."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.cli import main
from fundpool.console.dashboard.app import DashboardOptions, create_app
from fundpool.console.dashboard.reading import MonthReader
from fundpool.console.dashboard.server import serving_in_background
from fundpool.domain.errors import FundpoolError
from fundpool.domain.periods import Month
from fundpool.domain.rights import RIGHTS, Right, Role
from fundpool.services.users import accounts, tokens
from tests.accounts import enter, token_of
from tests.conftest import copy_of, template_of
from tests.integration.month_scene import CityScene, at, play_to_release
from tests.seals import SEALS

NOW = at("2026-09-24 15:00")
CITY, COUNTY, OTHER = "suizhou", "421303", "421321"
ADMIN = "张安全"
NAMES = dict(zip(Role, ("周曾都", "李经办", "王复核", "赵财务", "齐稽核", "钱安全", "孙系统"), strict=True))


@dataclass
class Served:
    """A month of Taizhou behind the API; ``now`` is the business clock and the machine's."""

    scene: CityScene
    now: datetime = NOW
    tokens: dict[Role, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        database = self.scene.ports.database
        enter(database, ADMIN, Role.SEC_ADMIN)
        for role, name in NAMES.items():
            county = COUNTY if role is Role.COUNTY_SUBMIT else None
            enter(database, name, role, None if county is None else CITY, county)
        options = DashboardOptions(time_of_day=lambda: self.now, only_known_then=True)
        self.app = create_app(MonthReader(self.scene.ports), lambda: self.now, options)

    def token(self, name: str, days: int = 90, label: str = "接口") -> str:
        """A new token of the account."""
        _, text = self.scene.ports.database.transaction(
            lambda work: tokens.issue_token(work, name, label, days=days, by=ADMIN, now=self.now)
        )
        return text

    def client(self, token: str | None) -> TestClient:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return TestClient(self.app, headers=headers, follow_redirects=False, raise_server_exceptions=False)

    def of(self, role: Role) -> TestClient:
        """A program that has a token of the role's account."""
        if role not in self.tokens:
            self.tokens[role] = self.token(NAMES[role])
        return self.client(self.tokens[role])


@pytest.fixture
def served(transactions: SqlTransactions, tmp_path: Path) -> Served:
    return Served(CityScene(transactions, tmp_path, CITY, Month(2026, 10), judges=False))


@pytest.fixture(scope="module", params=["sqlite"])
def month(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """October with its first payments released; the tests of it read, or file what changes nothing of it."""
    folder = tmp_path_factory.mktemp("month")
    books = SqlTransactions(copy_of(template_of(request), folder), SEALS)
    scene = CityScene(books, folder, CITY, Month(2026, 10), judges=False)
    play_to_release(scene)
    return Served(scene, at("2026-09-28 12:00"))


on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
PLACE = f"city={CITY}&month=2026-10"


def code_of(answer: httpx.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "basis", "remedy"}
    return answer.status_code, error["code"]


# ------------------------------------------------------------------------------------------- tokens


class TestTokens:
    def test_a_token_lets_in_as_its_account_until_its_last_day(self, served: Served) -> None:
        program = served.client(served.token(NAMES[Role.MAKER], days=3))
        assert program.get(f"/api/status?{PLACE}").status_code == 200
        served.now += timedelta(days=3, seconds=-1)
        assert program.get(f"/api/status?{PLACE}").status_code == 200
        served.now += timedelta(seconds=1)
        answer = program.get(f"/api/status?{PLACE}")
        assert code_of(answer) == (401, "token_needed")
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_a_revoked_one_and_one_of_a_disabled_account_let_nobody_in(self, served: Served) -> None:
        database, name = served.scene.ports.database, NAMES[Role.MAKER]
        first, second = (served.client(served.token(name, label=label)) for label in ("一", "二"))
        database.transaction(lambda work: tokens.revoke_token(work, name, "一", by=ADMIN, now=NOW))
        assert first.get(f"/api/status?{PLACE}").status_code == 401
        assert second.get(f"/api/status?{PLACE}").status_code == 200
        database.transaction(lambda work: accounts.disable_account(work, name, by=ADMIN, now=NOW))
        assert second.get(f"/api/status?{PLACE}").status_code == 401

    @pytest.mark.parametrize(
        "header", ["Bearer", "Bearer ", "Bearer wrong", "Basic {token}", "{token}", "Bearer {token}x"]
    )
    def test_anything_but_the_token_is_refused(self, served: Served, header: str) -> None:
        token = served.token(NAMES[Role.MAKER])
        program = served.client(None)
        # A wrong token is not made good by a session of the pages that comes along.
        program.cookies.set("session", token_of(served.scene.ports.database, NAMES[Role.MAKER], NOW))
        given = {"Authorization": header.format(token=token)}
        assert program.get(f"/api/status?{PLACE}", headers=given).status_code == 401
        assert program.get(f"/api/status?{PLACE}").status_code == 200

    def test_the_database_keeps_the_hash_alone_and_one_written_behind_the_program_is_refused(
        self, served: Served, database: Database
    ) -> None:
        token = served.token(NAMES[Role.MAKER], days=1)
        with database.engine.begin() as connection:
            rows = connection.exec_driver_sql("SELECT * FROM api_token").all()
            assert len(rows) == 1
            assert token not in str(rows)
            connection.exec_driver_sql("UPDATE api_token SET expires_at = '2036-01-01T00:00:00.000000+00:00'")
        assert code_of(served.client(token).get("/api/counties")) == (409, "seal_broken")

    def test_a_revoked_row_that_was_put_back_is_refused(self, served: Served, database: Database) -> None:
        token, name = served.token(NAMES[Role.MAKER]), NAMES[Role.MAKER]
        with database.engine.begin() as connection:
            seal = connection.exec_driver_sql("SELECT seal FROM api_token").scalar_one()
        served.scene.ports.database.transaction(
            lambda work: tokens.revoke_token(work, name, "接口", by=ADMIN, now=NOW)
        )
        with database.engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE api_token SET revoked_at = NULL, seal = '{seal}'")
        assert code_of(served.client(token).get("/api/counties")) == (409, "row_put_back")

    def test_no_page_and_no_act_of_a_page_takes_a_token(self, served: Served) -> None:
        """Money is released by somebody who types their password at a page, never by a program."""
        releaser = served.of(Role.RELEASER)
        assert releaser.get(f"/desk/payments?{PLACE}").headers["location"].startswith("/login")
        answer = releaser.post(f"/desk/payments/batches/1/release?{PLACE}", data={"password": "x"})
        assert answer.headers["location"].startswith("/login")

    def test_a_session_of_the_pages_reads_and_does_nothing(self, served: Served) -> None:
        browser = served.client(None)
        browser.cookies.set("session", token_of(served.scene.ports.database, NAMES[Role.MAKER], NOW))
        assert browser.get(f"/api/status?{PLACE}").status_code == 200
        answer = browser.post(f"/api/filings?city={CITY}&document=plan", files={"file": b"x"})
        assert code_of(answer) == (401, "token_needed")


@pytest.mark.parametrize(
    ("label", "days", "by", "name", "code"),
    [
        ("接口", 0, ADMIN, "李经办", "bad_days"),
        ("接口", 367, ADMIN, "李经办", "bad_days"),
        (" \u200b", 9, ADMIN, "李经办", "bad_label"),
        ("a\x00b", 9, ADMIN, "李经办", "bad_label"),
        ("长" * 65, 9, ADMIN, "李经办", "bad_label"),
        ("接口", 9, "李经办", "李经办", "right_missing"),
        ("接口", 9, ADMIN, "没有人", "user_unknown"),
    ],
)
@on_sqlite
def test_a_wrong_token_is_not_issued(
    served: Served, label: str, days: int, by: str, name: str, code: str
) -> None:
    with pytest.raises(FundpoolError) as error:
        served.scene.ports.database.transaction(
            lambda work: tokens.issue_token(work, name, label, days=days, by=by, now=NOW)
        )
    assert error.value.code == code


def test_tokens_by_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path))
    (tmp_path / "password").touch(mode=0o600)
    (tmp_path / "password").write_text("correct horse battery staple")

    def run(*words: str, status: int = 0) -> dict[str, Any]:
        capsys.readouterr()
        assert main([*words, "--json"]) == status
        answer = json.loads(capsys.readouterr().out)
        assert isinstance(answer, dict)
        return answer

    run("init", "--cities", CITY)
    password = ("--password-file", str(tmp_path / "password"))
    run("users", "add", ADMIN, "--role", "sec_admin", *password)
    run("users", "add", "李经办", "--role", "maker", *password, "--by", ADMIN)
    issued = run("users", "token", "李经办", "--label", "报表 程序", "--days", "30", "--by", ADMIN)
    assert issued["token"].startswith("fundpool_")
    assert len(issued["token"]) > 50
    again = run("users", "token", "李经办", "--label", " 报表  程序 ", "--by", ADMIN, status=1)
    assert again["error"]["code"] == "token_exists"
    (listed,) = run("users", "tokens")["tokens"]
    assert (listed["account"], listed["label"], listed["is_valid"]) == ("李经办", "报表 程序", True)
    assert "token" not in listed
    run("users", "token", "李经办", "--label", "二", "--by", ADMIN)
    for _ in range(2):
        assert run("users", "revoke", "李经办", "--label", "报表 程序", "--by", ADMIN)["revoked_at"]
    assert [each["is_valid"] for each in run("users", "tokens")["tokens"]] == [False, True]
    run("users", "disable", "李经办", "--by", ADMIN)
    assert [each["is_valid"] for each in run("users", "tokens")["tokens"]] == [False, False]
    assert run("users", "revoke", "李经办", "--label", "别的", "--by", ADMIN, status=2)["error"]["code"] == (
        "token_unknown"
    )


# ------------------------------------------------------------------------------------------- documents

AS_OF = ["--as-of", "2026-09-28T12:00"]
RECORDED = ["--recorded-until", AS_OF[1]]
MONTH = ["--month", "2026-10"]
OF_COMMAND: dict[str, tuple[str, list[str], str]] = {
    "/api/status": ("month=2026-10", ["status", *MONTH, *AS_OF], "duties"),
    "/api/next": ("month=2026-10", ["next", *MONTH, *AS_OF], "turns"),
    "/api/receipts": ("month=2026-10", ["receipts", *MONTH], "files"),
    "/api/cases": ("month=2026-10", ["review", "list", *MONTH], "cases"),
    "/api/transfers": ("month=2026-10", ["transfers", "list", *MONTH], "transfers"),
    "/api/papers": ("month=2026-10", ["report", "papers", *MONTH, *AS_OF], "papers"),
    "/api/balances": ("", ["ledger", "balances", *AS_OF, *RECORDED], "accounts"),
    "/api/due": ("period=2026-10", ["due", *MONTH], ""),
}
"""What a program asks for, the command that prints the same, and the field that must not be empty."""


class TestDocuments:
    @pytest.fixture
    def printed(
        self, month: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> Callable[..., Any]:
        """What a command prints on the same database."""
        books = month.scene.ports.database
        assert isinstance(books, SqlTransactions)
        monkeypatch.setenv("FUNDPOOL_HOME", str(month.scene.folder))
        monkeypatch.setenv("FUNDPOOL_DATABASE_URL", books.database.url)

        def run(*words: str) -> Any:
            capsys.readouterr()
            main([*words, "--city", CITY, "--json"])
            return json.loads(capsys.readouterr().out)

        return run

    @pytest.mark.parametrize("path", OF_COMMAND)
    def test_the_api_answers_what_the_command_prints(
        self, month: Served, printed: Callable[..., Any], path: str
    ) -> None:
        query, words, key = OF_COMMAND[path]
        answer = month.of(Role.AUDITOR).get(f"{path}?city={CITY}&{query}")
        assert answer.status_code == 200, answer.text
        document = answer.json()
        assert document[key] if key else document
        # City and month stand in the answer; a command repeats them only where they were left out.
        of_place = {"city": CITY, "month": "2026-10"} if key in {"cases", "papers"} else {}
        of_command = printed(*words)
        assert document == ({**of_place, **of_command} if key else of_command)

    def test_a_county_s_month_and_the_list_of_counties(self, month: Served) -> None:
        auditor = month.of(Role.AUDITOR)
        listed = auditor.get(f"/api/counties?city={CITY}").json()
        assert [each["county"] for each in listed["counties"]] == list(month.scene.counties)
        assert listed["funds"] == list(month.scene.funds)
        shown = auditor.get(f"/api/counties/{COUNTY}?{PLACE}").json()
        assert (shown["county"], shown["submissions"][0]["verdict"]) == (COUNTY, "pass")
        assert {each["unit"] for each in shown["duties"]} == {COUNTY}
        assert code_of(auditor.get(f"/api/counties/999999?{PLACE}")) == (404, "unknown_county")

    def test_a_county_s_token_is_answered_nothing_of_another_county(self, month: Served) -> None:
        county = month.of(Role.COUNTY_SUBMIT)
        others = [unit for unit in month.scene.policy.units if unit.code != COUNTY]
        for path in ("counties", f"counties/{COUNTY}?{PLACE}"):
            answer = county.get(f"/api/{path}")
            assert answer.status_code == 200
            assert COUNTY in answer.text, path
            assert not [each for each in others if each.code in answer.text or each.name_zh in answer.text]

    def test_a_past_moment_shows_what_was_known_then(self, month: Served) -> None:
        auditor = month.of(Role.AUDITOR)

        def done(as_of: str) -> int:
            answer = auditor.get(f"/api/status?{PLACE}&as_of={as_of}").json()
            assert answer["as_of"].startswith(as_of)
            return sum(each["state"] == "done_on_time" for each in answer["duties"])

        assert done("2026-09-13") == 0 < done("2026-09-27")
        assert auditor.get(f"/api/balances?city={CITY}&as_of=2026-01-01").json()["accounts"] == []
        assert code_of(auditor.get(f"/api/status?{PLACE}&as_of=never")) == (400, "moment")

    def test_what_is_not_described_is_refused(self, month: Served) -> None:
        auditor = month.of(Role.AUDITOR)
        assert code_of(auditor.get(f"/api/status?{PLACE}&mnth=2026-09")) == (422, "bad_request")
        assert code_of(auditor.get("/api/status?month=2026-13")) == (422, "bad_request")
        assert code_of(auditor.get("/api/nothing")) == (404, "no_such_page")
        answer = auditor.delete("/api/status")
        assert code_of(answer) == (405, "method_not_allowed")
        assert answer.headers["Allow"] == "GET"


# ------------------------------------------------------------------------------------------- filing


@on_sqlite
class TestFiling:
    @pytest.fixture
    def served(self, transactions: SqlTransactions, tmp_path: Path) -> Served:
        return Served(CityScene(transactions, tmp_path, CITY, Month(2026, 10)))

    @staticmethod
    def post(program: TestClient, file: Path | bytes, query: str = "") -> httpx.Response:
        content = file if isinstance(file, bytes) else file.read_bytes()
        address = f"/api/filings?city={CITY}&document=plan{query}"
        return program.post(address, files={"file": ("计划.xlsx", content)})

    def test_a_file_is_answered_with_receipt_verdict_and_findings(self, served: Served) -> None:
        county, scene = served.of(Role.COUNTY_SUBMIT), served.scene
        answer = self.post(county, scene.plan(COUNTY, inpatient_fen=-1), "&period=2026-10")
        assert answer.status_code == 200, answer.text
        filed = answer.json()
        (file,), (verdict,) = filed["files"], filed["verdicts"]
        assert (file["state"], file["repeated"], file["error"]) == ("read", False, None)
        assert (verdict["county"], verdict["version"], verdict["verdict"]) == (COUNTY, 1, "return")
        assert (verdict["submitted_by"], verdict["sha256"]) == (NAMES[Role.COUNTY_SUBMIT], file["sha256"])
        assert verdict["file_id"] > 0
        finding = verdict["findings"][0]
        assert finding["cell"]
        assert finding["message_en"]
        good = self.post(county, scene.plan(COUNTY)).json()
        (verdict,) = good["verdicts"]
        assert (verdict["version"], verdict["verdict"]) == (2, "pass")
        assert verdict["changes"]
        again = self.post(county, scene.plan(COUNTY)).json()
        assert (again["files"][0]["repeated"], again["verdicts"]) == (True, good["verdicts"])
        records = scene.ports.database.read(lambda work: list(work.audit.records()))
        received = [each.actor for each in records if each.action == "receive_file"]
        assert set(received) == {NAMES[Role.COUNTY_SUBMIT]}

    def test_what_is_no_file_of_the_county_is_refused_with_the_reason(self, served: Served) -> None:
        county, scene = served.of(Role.COUNTY_SUBMIT), served.scene
        unreadable = self.post(county, b"no workbook")
        assert unreadable.status_code == 400
        assert unreadable.json()["files"][0]["error"] == unreadable.json()["error"]
        assert unreadable.json()["verdicts"] == []
        other = self.post(county, scene.plan(OTHER))
        assert other.status_code == 400, other.text
        assert other.json()["verdicts"] == []
        assert code_of(self.post(county, scene.plan(OTHER), f"&county={OTHER}")) == (403, "other_place")
        assert code_of(self.post(county, scene.plan(COUNTY), "&period=2026")) == (400, "month_or_year")
        assert code_of(county.post(f"/api/filings?city={CITY}&document=plan")) == (422, "bad_request")
        assert (
            scene.ports.database.read(lambda work: work.submissions.versions_of_period(CITY, Month(2026, 10)))
            == ()
        )

    def test_nothing_of_a_body_is_read_before_the_right_is_known(self, served: Served) -> None:
        def body() -> Iterator[bytes]:
            pytest.fail("the body was read")
            yield b""

        answer = served.of(Role.AUDITOR).post(f"/api/filings?city={CITY}&document=plan", content=body())
        assert code_of(answer) == (403, "right_missing")


# ------------------------------------------------------------------------------------------- the description


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_description_names_the_right_and_the_token_of_every_operation(month: Served) -> None:
    described = month.of(Role.SYS_ADMIN).get("/api/openapi.json").json()
    found = list(operations(described))
    assert len(found) == 11
    for path, _, operation in found:
        assert operation["x-right"] in set(Right), path
        assert operation["security"] == [{"token": []}]
        assert operation["responses"]["200"]["content"]["application/json"]["schema"], path
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


EXAMPLES = int(os.environ.get("FUNDPOOL_API_EXAMPLES", "4"))
"""Requests of each kind for each operation and role; `make api` asks for more."""


@pytest.mark.slow
@pytest.mark.parametrize("role", Role)
def test_whatever_is_asked_the_api_answers_as_it_is_described(month: Served, role: Role) -> None:
    authorised = {"Authorization": month.of(role).headers["Authorization"]}
    with serving_in_background(month.app, "127.0.0.1", 0) as address:
        schema = schemathesis.openapi.from_url(f"{address}api/openapi.json", headers=authorised)
        for result in schema.get_all_operations():
            operation = result.ok()
            right = Right(operation.definition.raw["x-right"])
            answered = statuses_of(operation, authorised)
            if right not in RIGHTS[role]:
                assert answered <= {401, 403, 404, 405}, operation.label
            elif role is not Role.COUNTY_SUBMIT and operation.path in OF_COMMAND:
                assert 200 in answered, operation.label


def statuses_of(operation: schemathesis.APIOperation, authorised: dict[str, str]) -> set[int]:
    """What the operation answered to right, strange and wrong requests, each of them held against its description."""
    place = {"city": CITY} | ({"month": "2026-10"} if operation.get_parameter("month", "query") else {})
    kinds = (
        operation.as_strategy(query=place),
        operation.as_strategy(),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )
    answered = set()
    for kind in kinds:

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=kind)
        def ask(case: schemathesis.Case) -> None:
            # What a city's rules say of a request that is well formed, its description cannot.
            answer = case.call_and_validate(headers=authorised, excluded_checks=[positive_data_acceptance])
            answered.add(answer.status_code)

        ask()
    return answered
