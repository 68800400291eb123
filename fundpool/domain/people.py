"""Persons who act on money or decisions; two of them must be different people.

Until everybody logs in, a person is what is typed after ``--by`` or written on a form. Names are compared by
what a reader sees in them, so that nobody becomes a second person by a blank, a title or a look-alike letter
(Unicode Technical Standard 39, *Unicode Security Mechanisms*: skeletons and single-script restriction).
"""

import re
import unicodedata

import icu

from fundpool.domain.errors import InputError, RuleViolation

SYSTEM = "system"
"""The program itself; never a person who decides."""

_BETWEEN_LETTERS = " ·•-'’."
"""What may stand between the letters of a name: 买买提·吐尔逊, Jean-Luc O'Neil."""

_LOOK_ALIKE = icu.SpoofChecker()
_ONE_SCRIPT = icu.SpoofChecker()
_ONE_SCRIPT.setChecks(icu.USpoofChecks.RESTRICTION_LEVEL)
_ONE_SCRIPT.setRestrictionLevel(icu.URestrictionLevel.SINGLE_SCRIPT_RESTRICTIVE)

_TITLE = (
    "(?:副?(?:主任科员|主任|科长|处长|局长|股长|所长|部长|院长|经理|科员)|会计|出纳|同志|先生|女士|老师"
    "|(?:经办|复核|审核|审批|制单|制表|负责)人)"
)
_NOT_THE_NAME = re.compile(
    r"^[^::]{1,8}:"  # 经办人：
    r"|[(\[{【〔〈《<][^)\]}】〕〉》>]*(?:[)\]}】〕〉》>]|$)"  # （签字）
    r"|\d+[\d\s年月日时分:./-]*"  # 2026年10月5日
    r"|[〇零一二三四五六七八九十]+年[一二三四五六七八九十]+月[一二三四五六七八九十]*日?"
    r"|(?:代签|签字|签名|签章|盖章|印章)$"
)
_TITLE_BEFORE, _TITLE_AFTER = re.compile(rf"^{_TITLE}(?=\w{{2}})"), re.compile(rf"(?<=\w{{2}}){_TITLE}$")


def person(name: str) -> str:
    """The name as it is kept: NFKC, blanks single.

    Raises InputError ``person_missing`` when it names nobody, and ``person_not_a_name`` for anything but the
    letters of one script, such as an invisible character or a title in brackets.
    """
    plain = " ".join(unicodedata.normalize("NFKC", name).split())
    strange = list(dict.fromkeys(each for each in plain if not _belongs_to_a_name(each)))
    if strange:
        found = ", ".join(f"U+{ord(each):04X} {unicodedata.name(each, '?')}" for each in strange)
        raise _not_a_name(f"含有不属于姓名的字符 {found}", f"has characters that belong to no name: {found}")
    if not any(each.isalpha() for each in plain) or plain.casefold() == SYSTEM:
        raise InputError("person_missing", "须写明经办人姓名", "a person must be named", remedy="--by NAME")
    if _ONE_SCRIPT.check(plain):
        scripts = ", ".join(dict.fromkeys(_script(each) for each in plain if each.isalpha()))
        raise _not_a_name(f"混用几种文字的字母 {scripts}", f"mixes the letters of several scripts: {scripts}")
    return plain


def _belongs_to_a_name(character: str) -> bool:
    is_letter = unicodedata.category(character)[0] in "LM" and not _is_ignorable(character)
    return is_letter or character in _BETWEEN_LETTERS


def _script(letter: str) -> str:
    return str(icu.Script.getScript(letter).getName())


def _not_a_name(found_zh: str, found_en: str) -> InputError:
    return InputError(
        "person_not_a_name",
        f"姓名{found_zh}",
        f"the name {found_en}",
        remedy="只写姓名，不带职务、日期、括号或签字 / the name alone, without title, date, bracket or signature",
    )


def same_person(name: str | None, other: str | None) -> bool:
    """Whether two names are one person's, however they are typed; in doubt they are."""
    return name is not None and other is not None and not _seen_in(name).isdisjoint(_seen_in(other))


def is_stated(text: str | None) -> bool:
    """Whether a reader sees anything in the text: blanks and invisible characters state nothing."""
    return text is not None and any(not each.isspace() for each in _visible(text))


def require_reason(actor: str, reason: str | None) -> None:
    """Raise InputError ``reason_missing`` when a person gives a reason in which a reader sees nothing."""
    if actor != SYSTEM and reason is not None and not is_stated(reason):
        raise InputError("reason_missing", "须写明理由", "a reason must be given", remedy="--reason TEXT")


def _visible(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text)
    return "".join(each for each in plain if not _is_ignorable(each) and unicodedata.category(each) != "Cc")


def _is_ignorable(character: str) -> bool:
    """Whether nothing is drawn for it; some fillers are letters by category (U+3164)."""
    return bool(icu.Char.hasBinaryProperty(character, icu.UProperty.DEFAULT_IGNORABLE_CODE_POINT))


def _seen_in(name: str) -> set[str]:
    """What a reader takes for the name: skeletons of its letters, without title, date and signature.

    As written and without case: a capital I looks like a small l, and is the capital of a small i.
    """
    plain = re.sub(r"\s", "", _NOT_THE_NAME.sub("", _visible(name).strip()))
    plain = _TITLE_AFTER.sub("", _TITLE_BEFORE.sub("", plain))
    letters = "".join(each for each in plain if unicodedata.category(each)[0] in "LM")
    return {str(_LOOK_ALIKE.getSkeleton(0, each)) for each in (letters, letters.casefold())}


def require_other_person(checker: str, *makers: str | None, act_zh: str, act_en: str) -> None:
    """Raise RuleViolation when ``checker`` is one of ``makers``."""
    if any(same_person(checker, maker) for maker in makers):
        raise RuleViolation(
            "same_person",
            f"{act_zh}须由另一人办理：{checker} 已经办过前一环节",
            f"{act_en} needs another person: {checker} did the step before",
            basis="社会保险经办机构内部控制：经办与复核岗位不得兼任",
            remedy="由另一名工作人员执行同一命令 / have another person run the same command",
        )
