"""Both languages say everything, and dates and amounts read as people write them."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from fundpool.console import dashboard
from fundpool.console.dashboard.language import CATALOGUES, languages
from fundpool.console.dashboard.rendering import account_tail, document_name, figure_name, one_language
from fundpool.services.oversight.flags import PAYMENT_REMEDIES

FOLDER = Path(dashboard.__file__).parent
ZH, EN = languages()["zh"], languages()["en"]
PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def _used() -> set[str | tuple[str, str]]:
    found = extract_from_dir(
        FOLDER,
        [("**.py", "python"), ("**/templates/**.html", "jinja2")],
        keywords={"N_": None, "_": None, "gettext": None, "ngettext": (1, 2)},
    )
    return {message for _, _, message, _, _ in found}


def _catalogue():
    with (CATALOGUES / "zh" / "LC_MESSAGES" / "messages.po").open("rb") as source:
        return read_po(source, locale="zh")


def test_every_message_on_a_page_has_its_chinese_and_nothing_is_left_over():
    catalogue = _catalogue()
    translated = {message.id for message in catalogue if message.id and all(_strings(message))}
    used = _used()
    assert len(used) > 150
    assert used - translated == set()
    assert translated - used == set()


def test_no_translation_is_a_guess():
    assert [message.id for message in _catalogue() if message.fuzzy] == []


def test_a_translation_keeps_the_places_that_are_filled_in():
    for message in _catalogue():
        source = message.id if isinstance(message.id, str) else message.id[1]
        for text in _strings(message):
            assert set(PLACEHOLDER.findall(text)) == set(PLACEHOLDER.findall(source)), source


def _strings(message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def test_chinese_comes_first():
    assert next(iter(languages())) == "zh"


@pytest.mark.parametrize(
    ("language", "written"), [(ZH, "2026年10月9日 周五"), (EN, "Fri 9 Oct 2026")], ids=["zh", "en"]
)
def test_a_date_carries_its_weekday(language, written):
    assert language.date(date(2026, 10, 9)) == written


def test_a_moment_late_in_the_day_in_london_is_the_next_day_in_shanghai():
    assert ZH.moment(datetime(2026, 9, 25, 16, 30, tzinfo=UTC)) == "2026年9月26日 周六 00:30"


def test_a_period_that_is_a_year_stays_as_it_is():
    assert ZH.month("2022") == "2022"
    assert ZH.month("2026-10") == "2026年10月"


@pytest.mark.parametrize(
    ("number", "shown"), [("6222021234567890123", "0123"), ("1234567", "····"), (None, "····"), ("", "····")]
)
def test_an_account_number_is_cut_to_its_tail(number, shown):
    assert account_tail(number) == shown


def test_a_text_in_both_languages_is_halved_and_any_other_is_left_alone():
    assert one_language("改正后重报 / correct it and file again", ZH) == "改正后重报"
    assert one_language("改正后重报 / correct it and file again", EN) == "correct it and file again"
    assert one_language("写作 2026/10 / 2026-10 / 202610", ZH) == "写作 2026/10 / 2026-10 / 202610"
    assert one_language("fundpool run reconciliation", ZH) == "fundpool run reconciliation"
    assert one_language(None, ZH) == ""


def test_documents_and_their_figures_are_called_what_their_definition_says():
    assert document_name("plan", ZH) == "用款计划申请表"
    assert figure_name("plan", "requested_fen", ZH) == "申请额"
    assert (document_name("novel", EN), figure_name("plan", "novel_fen", EN)) == ("novel", "novel_fen")


@pytest.mark.parametrize("remedy", PAYMENT_REMEDIES.values(), ids=str)
def test_either_language_names_every_command_that_lets_a_payment_go_on(remedy: str) -> None:
    commands = [
        set(re.findall(r"approve-retry|cancel|order-again", one_language(remedy, each))) for each in (ZH, EN)
    ]
    assert commands[0] == commands[1] != set()
    assert one_language(remedy, ZH) != one_language(remedy, EN)
