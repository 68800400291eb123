"""A policy file as people read it: in words, side by side, and rule by rule."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from fundpool.domain.duties import LAST_WORKING_DAYS, duties_of
from fundpool.domain.periods import Month
from fundpool.domain.policy import (
    After,
    CityPolicy,
    DayOfMonth,
    DayRule,
    Deadline,
    Delegated,
    DutyName,
    DutyRule,
    Every,
    InMonth,
    Interpretation,
    LastDay,
    NthLastWorkingDay,
    NthWorkingDay,
    OnDate,
    PolicyLibrary,
    PolicyRule,
    RuleKind,
    Shift,
    Undated,
    WorkedExample,
)
from fundpool.domain.working_days import WorkCalendar
from fundpool.services.law.plain import plain
from fundpool.services.law.policy_examples import work_out

Document = dict[str, Any]

_EVERY_ZH = {
    Every.MONTH: "每月",
    Every.QUARTER: "每季度",
    Every.YEAR: "每年",
    Every.ONCE: "一次性",
    Every.EVENT: "按事项",
}


_SHIFT_ZH = {Shift.NONE: "", Shift.FOLLOWING: "，节假日顺延", Shift.PRECEDING: "，节假日提前"}


def deadline_in_words(duty: DutyRule, names: Mapping[str, DutyName]) -> str:
    """The deadline as a short Chinese phrase, e.g. 「上月15日」: in the month before the money's month."""
    due: Deadline = duty.due
    match due:
        case OnDate(day=day):
            words = day.isoformat()
        case Undated(phrase=phrase):
            words = f"未定日期（{phrase}）"
        case Delegated(phrase=phrase):
            words = f"另行规定（{phrase}）"
        case After():
            begin = names[due.duty].name_zh if due.duty else due.event
            if due.counts_from == "receipt":
                begin = f"收到「{begin}」款项"
            length = f"{due.working_days}个工作日" if due.working_days else f"{due.days}个日历日"
            words = f"{begin}后{length}内"
        case InMonth():
            words = _month_in_words(duty, due.months_after_start(duty.quarter)) + _day_in_words(due)
    return words + _SHIFT_ZH[duty.shift]


def _month_in_words(duty: DutyRule, offset: int) -> str:
    if duty.every is Every.MONTH:
        return {-2: "上上月", -1: "上月", 0: "当月", 1: "次月", 2: "第三月"}.get(offset, f"{offset:+d}月")
    if duty.every is Every.QUARTER:
        quarter = f"第{duty.quarter}季度" if duty.quarter else "季度"
        return f"{quarter}{'第' + str(offset + 1) + '个月' if 0 <= offset <= 2 else f'首月{offset:+d}月'}"
    years, month0 = divmod(offset, 12)
    return f"{ {-1: '上年', 0: '当年', 1: '次年'}.get(years, f'{years:+d}年') }{month0 + 1}月"


def _day_in_words(day_rule: DayRule) -> str:
    match day_rule:
        case DayOfMonth():
            if day_rule.working_days_before:
                return f"{day_rule.day}日前{day_rule.working_days_before}个工作日"
            return f"{day_rule.day}日" + ("（无该日则月末）" if day_rule.short_month else "")
        case LastDay():
            return "末"
        case NthLastWorkingDay():
            return f"倒数第{day_rule.nth}个工作日"
        case NthWorkingDay():
            return f"第{day_rule.nth}个工作日"


def city_in_brief(city: CityPolicy) -> Document:
    """One line of ``policy list``."""
    document = city.instruments[0]
    return {
        "city": city.key,
        "name_zh": city.name_zh,
        "name_en": city.name_en,
        "level": city.level,
        "status": city.status.value,
        "document": document.reference,
        "issued": _iso(document.issued),
        "effective": _iso(city.effective),
        "funds": [fund.key for fund in city.funds],
        "fund_units": len(city.units),
        "rules": len({rule.id for rule in city.rules}),
        "file": city.file,
    }


def city_in_full(city: CityPolicy, on: date | None) -> Document:
    """All of a file; with a day, the rules that hold on it."""
    rules = [rule for rule in city.rules if on is None or rule.holds_on(on)]
    names = city.duty_names
    return {
        **city_in_brief(city),
        "on": _iso(on),
        "division_code": city.division_code,
        "instruments": [plain(instrument, exclude={"source"}) for instrument in city.instruments],
        "pooled": [
            {
                "fund": fund.key,
                "code": fund.code,
                "name_zh": fund.name_zh,
                "from": _iso(fund.pooled_from),
                "no_later_than": _iso(fund.pooled_no_later_than),
                "basis": fund.basis,
            }
            for fund in city.funds
        ],
        "units": [plain(unit, exclude={"name_en", "aliases", "note"}) for unit in city.register],
        "payment_path": [plain(hop, exclude={"only_units", "name_zh"}) for hop in city.payment_path],
        "conflicts": [plain(conflict) for conflict in city.conflicts],
        "absent": [plain(entry) for entry in city.absent],
        "rule_list": [rule_in_brief(rule, names) for rule in rules],
    }


def rule_in_brief(rule: PolicyRule, names: Mapping[str, DutyName]) -> Document:
    """One rule as a line of ``policy show``."""
    return {
        "rule": rule.id,
        "section": rule.section,
        "kind": rule.kind.value,
        "says": rule_in_words(rule, names),
        "valid_from": _iso(rule.valid_from),
        "valid_until": _iso(rule.valid_until),
        "quote": rule.quote,
    }


def rule_in_words(rule: PolicyRule, names: Mapping[str, DutyName]) -> str:
    """What the product makes of the rule, in one phrase."""
    if rule.out_of_scope is not None:
        return f"不在范围：{rule.out_of_scope}"
    parts = [
        f"{_EVERY_ZH[duty.every]} {names[duty.key].name_zh}：{deadline_in_words(duty, names)}"
        for duty in rule.duties
    ]
    parts += [str(block["kind"]) for block in rule.computes]
    if rule.structure is not None:
        parts.append(rule.structure.text)
    return "；".join(parts)


def explain_rule(
    city: CityPolicy,
    rule: PolicyRule,
    *,
    calendar: WorkCalendar,
    month: Month,
    examples: Mapping[str, WorkedExample],
) -> Document:
    """A rule with its article, quote, place, readings, and what the other readings would give."""
    names = city.duty_names
    return {
        "city": city.key,
        "rule": rule.id,
        "kind": rule.kind.value,
        "document": rule.instrument.reference,
        "document_title": rule.instrument.title,
        "document_status": rule.instrument.status.value,
        "section": rule.section,
        "quote": rule.quote,
        "place": {
            "source_file": rule.instrument.source.file if rule.instrument.source else None,
            "start": rule.at.start if rule.at else None,
            "end": rule.at.end if rule.at else None,
        },
        "policy_file": f"{city.file}:{rule.line}",
        "actor_as_printed": rule.actor,
        "valid_from": _iso(rule.valid_from),
        "valid_until": _iso(rule.valid_until),
        "ended_by": rule.ended_by,
        "duties": [
            {
                "duty": duty.key,
                "name_zh": names[duty.key].name_zh,
                "actor": duty.actor,
                "every": duty.every.value,
                "deadline": deadline_in_words(duty, names),
                "shift": duty.shift.value,
                "firmness": duty.firmness.value,
            }
            for duty in rule.duties
        ],
        "computes": [dict(block) for block in rule.computes],
        "structure": plain(rule.structure, exclude_defaults=True) if rule.structure else None,
        "out_of_scope": rule.out_of_scope,
        "readings": [
            _reading(city, rule, entry, calendar=calendar, month=month, examples=examples)
            for entry in _readings_of(city, rule)
        ],
        "common_readings": _common_readings(city, rule),
        "conflicts": [conflict.text for conflict in city.conflicts if rule.id in conflict.between],
        "notes": list(rule.notes),
    }


def _readings_of(city: CityPolicy, rule: PolicyRule) -> list[Interpretation]:
    """The rule's own readings, and those of other rules that its computation names."""
    everywhere = city.interpretations()
    named = [everywhere[key] for block in rule.computes for key in _named(block) if key in everywhere]
    own = {entry.key: entry for entry in (*rule.interpretations, *named)}
    return list(own.values())


def _named(value: object) -> Iterable[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "interpretation" and isinstance(inner, str):
                yield inner
            elif key == "read_as" and isinstance(inner, list | tuple):
                yield from inner
            else:
                yield from _named(inner)


def _reading(
    city: CityPolicy,
    rule: PolicyRule,
    entry: Interpretation,
    *,
    calendar: WorkCalendar,
    month: Month,
    examples: Mapping[str, WorkedExample],
) -> Document:
    example = examples.get(entry.key) if entry.switchable else None

    def gives(reading: str) -> Document | None:
        """Due dates of the month, or figures of the worked example, under a reading."""
        if entry.key == LAST_WORKING_DAYS:
            duties = duties_of(city, month, calendar, readings={entry.key: reading})
            return {"due": [_iso(duty.due) for duty in duties if duty.rule == rule.id]}
        return dict(work_out(example, city, entry.key, reading=reading)) if example else None

    return {
        "key": entry.key,
        "question": entry.question,
        "example": str(month) if entry.key == LAST_WORKING_DAYS else example.text if example else None,
        "reading": entry.reading,
        "means": entry.means,
        "gives": gives(entry.reading),
        "alternatives": [
            {"reading": other.reading, "means": other.means, "gives": gives(other.reading)}
            for other in entry.alternatives
        ],
        "decided_by": entry.decided_by,
        "switchable": entry.switchable,
    }


def _common_readings(city: CityPolicy, rule: PolicyRule) -> list[Document]:
    """The common readings that a rule's deadlines rest on."""
    keys: set[str] = set()
    for duty in rule.duties:
        match duty.due:
            case LastDay():
                keys |= {"month_end", "day_off"}
            case DayOfMonth(working_days_before=None) | OnDate():
                keys |= {"inclusive", "day_off"}
            case InMonth():
                keys |= {"working_day"}
            case After():
                keys |= {"working_day", "receipt_day"}
            case _:
                keys |= {"no_date"}
        if duty.shift is not Shift.NONE:
            keys = keys - {"day_off"} | {"day_off_scope"}
    return [
        {"key": entry.key, "question": entry.question, "reading": entry.reading}
        for entry in city.common_readings
        if entry.key in keys
    ]


def compare(left: tuple[CityPolicy, date | None], right: tuple[CityPolicy, date | None]) -> list[Document]:
    """Two files side by side, each on a day: a row per topic, with what each says (None: nothing)."""
    says, says_beside = _topics(*left), _topics(*right)
    return [
        {
            "topic": topic,
            "left": says.get(topic),
            "right": says_beside.get(topic),
            "same": says.get(topic) == says_beside.get(topic),
        }
        for topic in says | says_beside
    ]


def _topics(city: CityPolicy, on: date | None) -> dict[str, str]:
    """What a file says by topic, in words that can be compared."""
    names = city.duty_names
    path = " → ".join(
        [hop.from_account for hop in city.payment_path[:1]] + [hop.to_account for hop in city.payment_path]
    )
    topics = {
        "document.status": city.status.value,
        "document.effective": _iso(city.effective) or "文中未写",
        "payment_path": path or "文中未写",
    }
    for fund in city.funds:
        topics[f"pooled.{fund.key}"] = _iso(fund.pooled_by) or "文中未写"
    for rule in city.rules:
        if on is not None and not rule.holds_on(on):
            continue
        for duty in rule.duties:
            if duty.every is not Every.ONCE:
                _add(
                    topics,
                    f"duty.{duty.every.value}.{duty.key}",
                    f"{deadline_in_words(duty, names)}（{rule.id}）",
                )
        for block in rule.computes:
            rest = {key: value for key, value in block.items() if key != "kind"}
            _add(topics, f"compute.{block['kind']}", f"{plain_words(rest)}（{rule.id}）")
    return topics


def _add(topics: dict[str, str], topic: str, words: str) -> None:
    topics[topic] = f"{topics[topic]}；{words}" if topic in topics else words


def plain_words(value: object) -> str:
    """Plain data of a policy file as one phrase."""
    if isinstance(value, Mapping):
        return "，".join(f"{key}: {plain_words(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return "、".join(plain_words(inner) for inner in value)
    if isinstance(value, bool):
        return "是" if value else "否"
    return str(value)


def coverage_in_full(library: PolicyLibrary) -> Document:
    """What the product does with every rule of every file (``policy coverage``)."""
    rows = [
        {
            "city": city.key,
            "rule": rule.id,
            "section": rule.section,
            "status": rule.kind.value,
            "reason": rule.out_of_scope,
            "says": rule_in_words(rule, city.duty_names),
        }
        for city in library.cities
        for rule in city.rules
    ]
    return {"rules": rows, "counts": {kind: sum(row["status"] == kind for row in rows) for kind in RuleKind}}


def first_full_month(city: CityPolicy) -> Month:
    """A month that every rule of the file covers, for worked dates."""
    return Month.of(city.effective).plus(1) if city.effective else Month(2026, 1)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
