"""One person stays one, however the name is typed; two persons stay two."""

import pytest

from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.people import person, require_other_person, same_person

INVISIBLE = [
    "\u200b",
    "\u200d",
    "\ufeff",
    "\u200f",
    "\ufe00",
    "\u00ad",
    "\u034f",
    "\u3164",
    "\u2060",
    "\U000e0041",
]

AGAIN = [
    *(f"李{character}复核" for character in INVISIBLE),
    *(f"{character}李复核" for character in INVISIBLE),
    *(f"李复核{character}" for character in INVISIBLE),
    "李 复核",
    "李  复核",
    "李　复核",
    " 李复核\t",
    "李复核\u00a0",
    "李复核（签字）",
    "李复核(签字)",
    "李复核【盖章】",
    "李复核（签字",
    "（科长）李复核",
    "李复核签字",
    "李复核科长",
    "李复核主任",
    "李复核副主任",
    "李复核同志",
    "科长李复核",
    "科长：李复核",
    "复核人:李复核",
    "复核人李复核",
    "李复核 2026-10-05",
    "李复核2026年10月5日",
    "李复核 2026.10.5 09:30",
    "李复核 二〇二六年十月五日",
    "李复核1",
    "李复核。",
    "李复核，",
]

LATIN_AGAIN = ["LI WEI", "Li  Wei", "LiWei", "Li-Wei", "Lі Wei", "Ꮮi Wei", "Ｌｉ Ｗｅｉ", "Li Wei (signed)"]


@pytest.mark.parametrize("again", AGAIN)
def test_a_name_typed_otherwise_is_the_same_person(again: str) -> None:
    assert same_person("李复核", again)
    with pytest.raises(RuleViolation, match="另一人办理"):
        require_other_person(again, "李复核", act_zh="复核", act_en="the check")


@pytest.mark.parametrize("again", LATIN_AGAIN)
def test_a_latin_name_with_look_alikes_of_another_script_is_the_same_person(again: str) -> None:
    assert same_person("Li Wei", again)


@pytest.mark.parametrize("again", ["⼀心", "ー心"])
def test_a_radical_or_a_stroke_that_looks_like_a_character_is_the_same_person(again: str) -> None:
    assert same_person("一心", again)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("李复核", "李复合"),
        ("李复核", "王复核"),
        ("王伟", "王玮"),
        ("王主任", "李主任"),
        ("王会计", "王出纳"),
        ("Li Wei", "Li Mei"),
        ("买买提·吐尔逊", "买买提·艾力"),
        ("李复核", None),
        (None, None),
    ],
)
def test_two_persons_stay_two(one: str | None, other: str | None) -> None:
    assert not same_person(one, other)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" 李复核 ", "李复核"),
        ("李　复核", "李 复核"),
        ("Ｌｉ  Ｗｅｉ", "Li Wei"),
        ("买买提·吐尔逊", "买买提·吐尔逊"),
        ("古力娜扎尔•拜合提亚尔", "古力娜扎尔•拜合提亚尔"),
        ("Jean-Luc O'Neil", "Jean-Luc O'Neil"),
        ("李𬱖", "李𬱖"),
        ("김철수", "김철수"),
    ],
)
def test_a_plain_name_is_kept(typed: str, kept: str) -> None:
    assert person(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        *(f"李{character}复核" for character in INVISIBLE),
        "李复核（签字）",
        "李复核2026",
        "李复核/王初审",
        "李,王",
        "Lі Wei",
        "李wei",
        "\ue000李",
        "李😀",
    ],
)
def test_what_is_no_name_is_refused_where_it_is_typed(typed: str) -> None:
    with pytest.raises(InputError) as error:
        person(typed)
    assert error.value.code == "person_not_a_name"


def test_the_refusal_names_the_character_that_nobody_sees() -> None:
    with pytest.raises(InputError, match=r"U\+200B ZERO WIDTH SPACE"):
        person("李\u200b复核")
    with pytest.raises(InputError, match="Cyrillic"):
        person("Lі Wei")


@pytest.mark.parametrize("typed", ["", " ", "\u3000", "system", "SYSTEM", "·", "."])
def test_nobody_is_refused(typed: str) -> None:
    with pytest.raises(InputError) as error:
        person(typed)
    assert error.value.code == "person_missing"
