"""Persons who act on money or decisions; two of them must be different people."""

import unicodedata

from fundpool.domain.errors import InputError, RuleViolation

SYSTEM = "system"
"""The program itself; never a person who decides."""


def person(name: str) -> str:
    """The name in one spelling (NFKC, outer blanks gone); raises InputError when it names nobody."""
    plain = unicodedata.normalize("NFKC", name).strip()
    if not plain or plain.casefold() == SYSTEM:
        raise InputError("person_missing", "须写明经办人姓名", "a person must be named", remedy="--by NAME")
    return plain


def same_person(name: str | None, other: str | None) -> bool:
    """Whether two names are one person's, however they are typed."""
    return name is not None and other is not None and name.casefold() == other.casefold()


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
