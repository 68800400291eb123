"""What a command prints, its help and its errors stand in one language, which the environment names."""

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from fundpool.adapters.policies.policy_files import PRODUCT_POLICIES, load_city
from fundpool.console.cli import build_app, main, tell_in_full
from fundpool.console.dashboard import labels
from fundpool.console.language import choose, language, one_language, word
from fundpool.console.output import Table, show
from fundpool.domain.languages import counted, halves
from fundpool.domain.month import MONTH
from fundpool.services.oversight.flags import DUTY_NAMES
from tests.architecture.pages import CODE_FOLDERS, ROOT, commands_of

CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(params=["zh", "en"])
def spoken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("FUNDPOOL_LANGUAGE", request.param)
    return str(request.param)


class TestChoice:
    @pytest.fixture(autouse=True)
    def _nothing_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for variable in ("FUNDPOOL_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
            monkeypatch.delenv(variable, raising=False)

    @pytest.mark.parametrize(
        ("locale", "key"),
        [
            ({}, "zh"),
            ({"LANG": "C.UTF-8"}, "zh"),
            ({"LANG": "zh_CN.UTF-8"}, "zh"),
            ({"LANG": "en_GB.UTF-8"}, "en"),
            ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
            ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
            ({"LANG": "de_DE.UTF-8"}, "zh"),
        ],
    )
    def test_english_where_the_locale_names_it_else_chinese(
        self, locale: dict[str, str], key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for variable, value in locale.items():
            monkeypatch.setenv(variable, value)
        assert language() == key

    def test_the_variable_goes_before_the_file_and_the_file_before_the_locale(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        file = tmp_path / "fundpool.toml"
        file.write_text('language = "zh"\n', encoding="utf-8")
        monkeypatch.setenv("LANG", "en_GB.UTF-8")
        monkeypatch.setenv("FUNDPOOL_CONFIG", str(file))
        assert language() == "zh"
        monkeypatch.setenv("FUNDPOOL_LANGUAGE", "en")
        assert language() == "en"

    def test_another_language_is_an_error_and_the_error_is_told(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("FUNDPOOL_LANGUAGE", "fr")
        assert main(["settings"]) == 2
        assert "FUNDPOOL_LANGUAGE" in capsys.readouterr().err


def test_a_text_is_halved_only_where_one_stroke_parts_chinese_from_english() -> None:
    assert halves("改正后重报 / correct it") == ("改正后重报", "correct it")
    for whole in ("甲 / 乙", "fundpool run STEP", "a / b", "写作 2026/10 / 2026-10 / 202610", ""):
        assert halves(whole) == (whole, whole)


def test_one_is_singular() -> None:
    assert [counted(number, "day") for number in (0, 1, 2)] == ["0 days", "1 day", "2 days"]


def test_a_table_shows_names_and_sentences_in_one_language(
    spoken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"fund": "employee", "state": "unknown", "hop": "fiscal_account>city_expenditure"}
    row |= {"detail_zh": "已发送", "detail_en": "sent"}
    table = Table("款项 / transfers", [row], "fund state hop detail_zh", states=labels.TRANSFER_STATES)
    show({}, table, "没有 / none", as_json=False)
    printed = capsys.readouterr().out
    said = {
        "zh": ["款项", "险种", "职工医保", "结果不明", "财政专户 → 市支出户", "已发送", "没有"],
        "en": ["transfers", "fund", "Employee scheme", "Outcome unknown", "sent", "none"],
    }
    assert [text for text in said[spoken] if text not in printed] == []
    assert bool(CHINESE.search(printed)) is (spoken == "zh")
    assert "employee" not in printed


def test_an_error_and_its_remedy_are_told_in_one_language(
    spoken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compute", "warning", "--city", "suizhou", "--fund", "employee", "--year", "2022"]) == 2
    assert main(["submitt"]) == 2
    assert (
        main(["compute", "warning", "--city=suizhou", "--fund=employee", "--year=2022", "--facts=/no"]) == 2
    )
    printed = capsys.readouterr().err
    assert bool(CHINESE.search(printed)) is (spoken == "zh")
    assert ("remedy:" in printed) is (spoken == "en")
    assert ("wrong use" in printed) is (spoken == "en")


def test_json_has_both_languages_whatever_is_spoken(spoken: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["compute", "warning", "--city=suizhou", "--fund=employee", "--year=2022", "--facts=/no", "--json"])
    printed = capsys.readouterr().out
    assert "读不到事实文件" in printed
    assert "cannot read the facts" in printed


def test_the_help_of_every_command_is_in_one_language(spoken: str) -> None:
    app = build_app()
    left = []
    for path, command in commands_of(app):
        tell_in_full(command)
        page = io.StringIO()
        app.help_print(list(path), console=Console(file=page, width=400, color_system=None))
        for line in page.getvalue().splitlines():
            text = line.strip("│╭╮╰╯─ *")
            is_left = CHINESE.search(text) if spoken == "en" else text and not CHINESE.search(text)
            if is_left or " / " in text:
                left.append((*path, text))
    assert left == []


def _texts(node: ast.expr) -> Iterator[str]:
    """The text of an expression, computed parts as ``{}``; both of a condition."""
    if isinstance(node, ast.IfExp):
        yield from (*_texts(node.body), *_texts(node.orelse))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)


def test_no_remedy_and_no_help_mixes_its_languages() -> None:
    mixed = []
    for path in sorted(file for folder in CODE_FOLDERS for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for keyword in node.keywords if isinstance(node, ast.Call) else ():
                if keyword.arg in {"remedy", "help"}:
                    mixed += [
                        (path.relative_to(ROOT).as_posix(), text)
                        for text in _texts(keyword.value)
                        if CHINESE.search(halves(text)[1])
                    ]
    assert mixed == []


@pytest.mark.parametrize("step", MONTH, ids=lambda step: step.key)
def test_a_step_is_called_the_same_in_commands_and_on_pages(step) -> None:
    assert word(labels.OPERATING_STEPS, step.key) == step.name_zh


def test_a_duty_is_called_the_same_in_commands_and_in_the_policy_files() -> None:
    names = load_city(PRODUCT_POLICIES, "taizhou").duty_names
    assert {key: names[key].name_zh for key in DUTY_NAMES} == {key: zh for key, (zh, _) in DUTY_NAMES.items()}


def test_a_code_without_a_name_is_shown_as_it_is(spoken: str) -> None:
    assert word(labels.FUNDS, "maternity") == "maternity"
    assert one_language("甲 / a") == choose("甲", "a")
