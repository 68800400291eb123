"""The handbook's pages tell the truth: days and quotes are the policies', labels, codes and addresses the console's."""

import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from babel.messages.pofile import read_po
from mkdocs.structure.files import Files

from fundpool.console.dashboard.app import create_app
from fundpool.console.dashboard.language import CATALOGUES
from fundpool.domain.rights import Role
from handbook.hooks import LANGUAGES, PICTURES, chinese_terms, on_page_markdown, words_apart
from tests.architecture.pages import raised_errors
from tests.browser.imagined_month import NOW, ImaginedReader

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(file.name for file in (ROOT / "docs/zh").glob("*.md"))
PAGES = [(language, name) for language in LANGUAGES for name in NAMES]
NO_ERRORS = {"history_differs", "row_altered", "outcome_unknown"} | {str(role) for role in Role}
"""Words with an underscore that are raised nowhere: what verification finds and a step says, and roles."""

each_page = pytest.mark.parametrize(("language", "name"), PAGES)


@cache
def codes() -> set[str]:
    return {error.code for error in raised_errors()}


@cache
def labels() -> set[str]:
    """Every text of the console's pages in both languages."""
    catalogue = read_po((CATALOGUES / "zh/LC_MESSAGES/messages.po").open("rb"))
    pairs = [(message.id, message.string) for message in catalogue if message.id]
    return {
        text for pair in pairs for texts in pair for text in ([texts] if isinstance(texts, str) else texts)
    }


@cache
def addresses() -> set[str]:
    return {getattr(route, "path", "") for route in create_app(ImaginedReader(), lambda: NOW).routes}


@cache
def policies() -> str:
    return "".join(file.read_text(encoding="utf-8") for file in (ROOT / "policies").rglob("*.yaml"))


def text_of(language: str, name: str) -> str:
    return (ROOT / "docs" / language / name).read_text(encoding="utf-8")


def test_both_languages_have_the_same_pages_sections_and_rows() -> None:
    def shape(language: str, name: str) -> list[str]:
        lines = re.findall(r"^(#+ |\||!\[|```|<!--|\d\. )", text_of(language, name), re.MULTILINE)
        return [str(line) for line in lines]

    assert sorted(file.name for file in (ROOT / "docs/en").glob("*.md")) == NAMES
    for name in NAMES:
        assert shape("zh", name) == shape("en", name), name


@each_page
def test_a_quote_stands_in_a_policy(language: str, name: str) -> None:
    for quote in re.findall("「([^」]+)」", text_of(language, name)):
        assert quote in policies()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_days_are_the_policies(language: str) -> None:
    (table,) = re.findall(
        r"\| (?:办什么|what) .*?台政办发〔2021〕48号.*?\n\|[-|]+\n((?:\|.*\n)+)",
        text_of(language, "index.md"),
    )
    rows = [[cell.strip() for cell in line.split("|")[3:5]] for line in table.splitlines()]
    for column, city in enumerate(("taizhou", "suizhou")):
        policy = yaml.safe_load((ROOT / f"policies/cities/{city}.yaml").read_text(encoding="utf-8"))
        due = {
            duty["duty"]: duty["due"]
            for rule in policy["rules"]
            for duty in rule.get("duties", ())
            if duty["every"] == "month"
        }
        duties = (
            "submit_fund_use_plan",
            "apply_for_funds",
            "pay_from_fiscal_account",
            "allocate_to_counties",
            "submit_expenditure_report",
            "file_expenditure_report",
        )
        assert [row[column] for row in rows] == [_in_words(due.get(key), language) for key in duties]


def _in_words(due: dict[str, object] | None, language: str) -> str:
    if due is None:
        return "文件未规定" if language == "zh" else "the document sets none"
    if "after_duty" in due:
        assert (due["after_duty"], due["working_days"]) == ("pay_from_fiscal_account", 2)
        return (
            "收到财政拨款两个工作日内" if language == "zh" else "two working days after finance's money is in"
        )
    month = {-1: "M−1", 0: "M", 1: "M+1"}[due["month_offset"]]  # type: ignore[index]
    if "last_day" in due:
        return f"{month} 月月底前" if language == "zh" else f"by the end of {month}"
    return f"{month} 月 {due['day']} 日前" if language == "zh" else f"by the {due['day']}th of {month}"


@each_page
def test_a_label_stands_on_a_page_of_the_console(language: str, name: str) -> None:
    for label in re.findall("“([^”]+)”", text_of(language, name)):
        found = label in labels() or any(
            each.partition("%(")[0].strip() == label.rstrip(" …") for each in labels() if "%(" in each
        )
        assert found or label == "–", label


@each_page
def test_a_code_is_in_the_catalogue(language: str, name: str) -> None:
    for code in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", text_of(language, name)):
        assert code in codes() | NO_ERRORS


@each_page
def test_an_address_is_a_page(language: str, name: str) -> None:
    for address in re.findall(r"`(/[^`?]*)", text_of(language, name)):
        assert address in addresses() or address.startswith("/var/"), address


def test_every_role_has_its_page() -> None:
    users = text_of("zh", "users.md")
    assert [role for role in Role if f"`{role}`" not in users] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_picture_stands_on_a_page(language: str) -> None:
    named = re.findall(r"\(picture:([a-z-]+)\)", "".join(text_of(language, name) for name in NAMES))
    assert sorted(named) == sorted(PICTURES)


def test_a_picture_that_was_not_made_is_left_out() -> None:
    page = SimpleNamespace(file=SimpleNamespace(src_uri="zh/county.md"), meta={})
    text = "a\n\n![the desk](picture:flow)\n\nb, [the code](../../fundpool/x.py), [the month](../month.md)"
    shown = on_page_markdown(text, page, None, Files([]))  # type: ignore[arg-type]
    assert shown.split() == ["a", "b,", "the", "code", "(`fundpool/x.py`),", "[the", "month](../month.md)"]
    with pytest.raises(KeyError, match="no-such"):
        on_page_markdown("![x](picture:no-such)", page, None, Files([]))  # type: ignore[arg-type]


def test_chinese_words_are_set_apart_for_the_search_and_terms_kept_whole() -> None:
    terms = chinese_terms((ROOT / "docs/glossary.md").read_text(encoding="utf-8"))
    words = words_apart("每月上报用款计划 (plan)", terms)
    assert [word for word in words.split("\u200b") if word][-3:] == ["上报", "用款计划", " (plan)"]


def test_the_two_readmes_lead_to_each_other_and_name_the_same_commands() -> None:
    english, chinese = (
        (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")
    )
    assert "(README.zh-CN.md)" in english
    assert "(README.md)" in chinese

    def commands(text: str) -> tuple[list[str], list[str]]:
        blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        lines = [line.partition("  ")[0] for block in blocks for line in block.splitlines()]
        in_text = re.findall(r"`((?:make|fundpool|\.venv/bin/|FUNDPOOL_|pip )[^`]*)`", text)
        return lines, sorted(in_text)

    assert commands(english) == commands(chinese)
    links = [re.findall(r"\]\((?!README)([^)]+)\)", text) for text in (english, chinese)]
    assert set(links[0]) == set(links[1])
