"""The dashboard as a web server: what it answers, refuses and never lets out."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from fundpool.console.dashboard.app import DashboardOptions, create_app
from fundpool.console.dashboard.reading import Moment
from fundpool.domain.errors import ServiceUnavailable, UndefinedPolicy
from fundpool.domain.periods import Month
from schemas.dashboard import MonthStatus
from tests.browser.imagined_month import NOW, ImaginedReader

PAGES = ("/", "/counties/331004", "/transfers", "/balances", "/findings")


def client(reader: ImaginedReader | None = None, **options: Any) -> TestClient:
    app = create_app(reader or ImaginedReader(), lambda: NOW, DashboardOptions(**options))
    return TestClient(app, raise_server_exceptions=False)


class TestReading:
    def test_without_a_choice_the_latest_month_with_data_is_shown(self):
        assert "2026年10月" in client().get("/").text

    def test_the_api_answers_with_the_document_of_fundpool_status(self):
        answer = client().get("/api/status?city=taizhou&month=2026-10")
        shown = ImaginedReader().status("taizhou", Month(2026, 10), Moment(NOW))
        assert answer.json() == shown.model_dump(mode="json", by_alias=True)
        assert MonthStatus.model_validate(answer.json()) == shown

    def test_a_page_reads_its_clock_once_and_shows_everything_of_that_moment(self):
        read: list[datetime] = []

        def clock() -> datetime:
            read.append(NOW + timedelta(days=len(read)))
            return read[-1]

        app = create_app(ImaginedReader(), clock)
        for path in (*PAGES, "/api/status"):
            read.clear()
            assert TestClient(app).get(path).status_code == 200
            assert len(read) == 1, path

    def test_a_moment_in_the_address_is_the_page_s_own_and_kept_in_its_links(self):
        page = client().get("/?as_of=2026-09-26T08:00&lang=en").text
        assert "As of Sat 26 Sept 2026 08:00" in page
        assert "/transfers?city=taizhou&amp;month=2026-10&amp;as_of=2026-09-26T08%3A00" in page
        assert "Back to now" in page
        assert client().get("/api/status?as_of=2026-09-26").json()["as_of"] == "2026-09-26T09:00:00+08:00"
        assert "As of Fri 9 Oct 2026 09:30" in client().get("/?as_of=&lang=en").text
        assert "Back to now" not in client().get("/?lang=en").text

    def test_a_month_without_anything_is_an_empty_board(self):
        answer = client().get("/?city=suizhou&month=2026-10")
        assert answer.status_code == 200
        assert "政策文件未列出本月的应办事项" in answer.text

    def test_an_amount_that_nobody_knows_is_a_dash_and_not_a_nought(self):
        row = client().get("/?lang=en").text.split("Confirmed by finance")[1].split("</tr>")[0]
        assert "179,000,000.00" in row
        assert "not known yet" in row
        assert ">0.00<" not in row

    def test_a_head_request_is_answered_like_a_get(self):
        assert client().head("/").status_code == 200

    def test_health_is_ok_while_the_database_answers(self):
        assert client().get("/healthz").json() == {"status": "ok"}

    def test_a_notice_stands_on_every_page(self):
        page = client(notice=lambda: "演示数据，均为虚构")
        assert all("演示数据，均为虚构" in page.get(path).text for path in PAGES)

    def test_a_step_links_to_its_prefect_run_only_when_the_address_is_known(self):
        assert (
            "http://prefect.test/runs/flow-run/0199-flags"
            in client(run_url=lambda run: run and f"http://prefect.test/runs/flow-run/{run}").get("/").text
        )
        assert "flow-run" not in client().get("/").text


class TestRefusing:
    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    @pytest.mark.parametrize("path", [*PAGES, "/api/status", "/healthz"])
    def test_nothing_can_be_changed_through_the_dashboard(self, method, path):
        assert client().request(method, path).status_code == 405

    @pytest.mark.parametrize(
        "path", [*PAGES, "/no/such/page", "/?city=x", "/static/style.css", "/api/status"]
    )
    def test_every_answer_forbids_scripts_and_framing(self, path):
        policy = client().get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy

    @pytest.mark.parametrize(
        ("path", "status", "zh", "en"),
        [
            ("/?as_of=tomorrow", 400, "时间写法不对", "not a moment"),
            ("/?as_of=0001-01-01", 400, "时间写法不对", "not a moment"),
            ("/?as_of=9999-12-31T23:59:59-23:59", 400, "时间写法不对", "not a moment"),
            ("/no/such/page", 404, "没有这个页面", "there is no such page"),
            ("/?city=atlantis", 404, "没有名为“atlantis”的统筹地区", "no city is called “atlantis”"),
            ("/?month=2026-13", 404, "“2026-13”不是月份", "is not a month"),
            ("/?month=٢٠٢٦-١٠", 404, "不是月份", "is not a month"),
            ("/?month=9999-12", 404, "“9999-12”不是月份", "is not a month"),
            ("/?month=0001-01", 404, "“0001-01”不是月份", "is not a month"),
            ("/counties/999999", 404, "没有代码为 999999 的县", "has no county with code 999999"),
            ("/static/../app.py", 404, "没有这个页面", "there is no such page"),
        ],
    )
    def test_a_wrong_address_is_explained_in_the_page_s_language_alone(self, path, status, zh, en):
        for key, said, unsaid in (("zh", zh, en), ("en", en, zh)):
            answer = client().get(path, headers={"cookie": f"lang={key}"})
            assert answer.status_code == status
            assert said in answer.text
            assert unsaid not in answer.text

    def test_what_was_typed_into_the_address_is_never_markup(self):
        answer = client().get("/", params={"city": "<img src=x onerror=alert(1)>"})
        assert "<img" not in answer.text

    def test_a_page_on_loopback_does_not_answer_to_a_foreign_name(self):
        local = client(hosts=frozenset({"127.0.0.1", "localhost"}))
        refused = local.get("/", headers={"host": "evil.example"})
        assert refused.status_code == 400
        assert "椒江区" not in refused.text
        assert local.get("/", headers={"host": "127.0.0.1:8650"}).status_code == 200
        assert local.get("/", headers={"host": "localhost:8650"}).status_code == 200


class _Broken(ImaginedReader):
    def __init__(self, error: Exception) -> None:
        self.error = error

    def status(self, city: str, month: Month, moment: Moment) -> MonthStatus:
        raise self.error

    def ping(self) -> None:
        raise self.error


class TestTrouble:
    away = ServiceUnavailable(
        "database_unavailable",
        "数据库没有应答",
        "the database did not answer",
        remedy="检查数据库 / check the database",
    )

    def test_a_database_that_is_away_is_one_clear_page(self):
        answer = client(_Broken(self.away)).get("/")
        assert answer.status_code == 503
        assert "数据库没有应答" in answer.text
        assert "检查数据库" in answer.text
        assert "the database did not answer" not in answer.text

    def test_the_api_reports_errors_as_the_contract_says(self):
        answer = client(_Broken(self.away)).get("/api/status?city=taizhou&month=2026-10")
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "database_unavailable"

    def test_health_is_bad_while_the_database_is_away(self):
        assert client(_Broken(self.away)).get("/healthz").status_code == 503

    def test_silent_law_is_explained_with_its_article(self):
        silent = UndefinedPolicy("undefined", "文件未规定", "the document is silent", basis="第九条")
        answer = client(_Broken(silent)).get("/")
        assert answer.status_code == 422
        assert "第九条" in answer.text

    def test_a_surprise_is_a_page_without_a_traceback_and_the_log_has_it(self, caplog):
        answer = client(_Broken(RuntimeError("secret detail"))).get("/")
        assert answer.status_code == 500
        assert "页面没有做成" in answer.text
        assert "secret detail" not in answer.text
        assert "Traceback" not in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "secret detail" in caplog.text
