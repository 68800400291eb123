"""What people wrote stands in a table as they wrote it, and JSON and table are of one result."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from fundpool.console.output import Table, pick, print_json, show
from fundpool.domain.periods import Month


def test_brackets_and_colons_in_a_text_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    texts = ["[red]三月[/red]", "县局[2026]12号", ":warning:", "[/]"]
    show({}, Table("[附]", [[text] for text in texts], ["[列]"]), as_json=False)
    printed = capsys.readouterr().out
    assert all(text in printed for text in [*texts, "[附]", "[列]"])


@dataclass(frozen=True)
class _Line:
    month: Month
    amount_fen: int | None
    at: datetime
    county: str = "331002"


class TestOneResultForBoth:
    line = _Line(Month(2026, 10), 1_234_567_89, datetime(2026, 10, 9, 1, 30, tzinfo=UTC))
    unknown = _Line(Month(2026, 10), None, line.at)

    def test_json_has_fen_and_a_table_yuan_both_in_shanghai_s_time(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        table = Table("月", [self.line], {"month": "month", "yuan": "amount_fen", "at": "at"})
        show({"lines": [self.line]}, table, "一句话", as_json=True)
        assert json.loads(capsys.readouterr().out) == {
            "lines": [
                {
                    "month": "2026-10",
                    "amount_fen": 123456789,
                    "at": "2026-10-09T09:30:00+08:00",
                    "county": "331002",
                }
            ]
        }
        show({"lines": [self.line]}, table, "一句话", as_json=False)
        printed = capsys.readouterr().out
        assert all(
            text in printed for text in ("2026-10", "1,234,567.89", "2026-10-09T09:30:00+08:00", "一句话")
        )

    def test_what_nobody_knows_is_null_and_a_dash_and_never_a_nought(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        table = Table("月", [self.unknown], {"yuan": "amount_fen", "state": lambda line: None})
        show(pick(self.unknown, "amount_fen"), table, as_json=True)
        assert json.loads(capsys.readouterr().out) == {"amount_fen": None}
        show({}, table, as_json=False)
        printed = capsys.readouterr().out
        assert printed.count("–") == 2
        assert "0" not in printed

    def test_a_field_is_picked_by_its_way_and_may_have_another_name(self) -> None:
        record = {"line": self.line, "attempt": None}
        picked = pick(record, "county=line.county line.amount_fen key=attempt.key")
        assert picked == {"county": "331002", "line.amount_fen": 1_234_567_89, "key": None}
        with pytest.raises(AttributeError):
            pick(self.line, "no_such_field")

    def test_what_is_no_value_of_ours_is_no_json(self) -> None:
        with pytest.raises(TypeError, match="no JSON for object"):
            print_json({"thing": object()})
