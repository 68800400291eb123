"""Checks between the entries of one policy file; every problem names its line."""

from collections.abc import Callable, Collection, Iterator
from datetime import date, timedelta
from itertools import combinations, pairwise

from fundpool.adapters.policies.yaml_documents import Document, EntryPath, Problem
from fundpool.domain.chart_of_accounts import AccountType, payment_flow
from fundpool.domain.policy import After, PaymentHop
from schemas.policy import Duty, NationalFile, PolicyFile, Rule

PAID_DUTIES = ("pay_from_fiscal_account", "allocate_to_counties")
"""The duties that are fulfilled by paying money over hops (services.payments.disbursement)."""

Check = Callable[[PolicyFile, Document, NationalFile], Iterator[Problem]]


def inconsistencies(content: PolicyFile, document: Document, national: NationalFile) -> list[Problem]:
    """Every problem that the checks below find, by line."""
    problems = [problem for check in CHECKS for problem in check(content, document, national)]
    return sorted(problems, key=lambda problem: problem.line)


def _duties(content: PolicyFile) -> Iterator[tuple[EntryPath, Duty]]:
    """Every duty of the file with its path."""
    for index, rule in enumerate(content.rules):
        for number, duty in enumerate(rule.duties):
            yield ("rules", index, "duties", number), duty


def keys_are_unique(content: PolicyFile, document: Document, _national: NationalFile) -> Iterator[Problem]:
    """A unit code, a fund or an instrument stands once."""
    lists = {
        "units": [unit.code for unit in content.units],
        "funds": [fund.key for fund in content.funds],
        "instruments": [instrument.key for instrument in content.instruments],
    }
    for name, keys in lists.items():
        for index, key in enumerate(keys):
            if key in keys[:index]:
                yield document.problem((name, index), f"{key} 重复 / given twice")


def references_exist(content: PolicyFile, document: Document, national: NationalFile) -> Iterator[Problem]:
    """Every rule, duty, unit, instrument and actor that an entry names exists (actors also in national.yaml)."""
    for path, name, known, message in _references(content, national):
        if name not in known:
            yield document.problem(path, message.format(name))


def _references(
    content: PolicyFile, national: NationalFile
) -> Iterator[tuple[EntryPath, str, Collection[str], str]]:
    """Each name with its place, the names that exist, and the message for a name that does not."""
    rules = {rule.id for rule in content.rules}, "没有规则 {0} / no rule {0} in this file"
    units = {unit.code for unit in content.units}, "没有单位 {} / no such unit"
    actors = (
        national.actors.keys() | content.actors.keys(),
        "没有责任主体 {} / no such actor in national.yaml",
    )
    duties = {duty.key for _, duty in _duties(content)}, "没有规则规定职责 {} / no rule sets this duty"
    instruments = {entry.key for entry in content.instruments}, "没有文件 {} / no such instrument"
    for index, fund in enumerate(content.funds):
        yield ("funds", index, "basis"), fund.basis, *rules
    for index, hop in enumerate(content.payment_path):
        yield ("payment_path", index, "basis"), hop.basis, *rules
        yield ("payment_path", index, "paid_by"), hop.paid_by, *actors
        for code in hop.only_units:
            yield ("payment_path", index, "only_units"), code, *units
        if hop.closes is not None:
            yield ("payment_path", index, "closes"), hop.closes, *duties
    for index, conflict in enumerate(content.conflicts):
        for rule_id in conflict.between:
            yield ("conflicts", index), rule_id, *rules
    for index, rule in enumerate(content.rules):
        if rule.at:
            yield ("rules", index, "at", "instrument"), rule.at.instrument, *instruments
    for path, duty in _duties(content):
        yield (*path, "actor"), duty.actor, *actors


def duties_have_names(content: PolicyFile, document: Document, national: NationalFile) -> Iterator[Problem]:
    """A duty that national.yaml does not name says itself what is done."""
    for path, duty in _duties(content):
        if duty.key not in national.duties and duty.action is None:
            yield document.problem(
                (*path, "duty"),
                f"新职责 {duty.key} 须写 action / a duty that national.yaml does not name needs an action",
            )


def hops_can_be_paid(content: PolicyFile, document: Document, _national: NationalFile) -> Iterator[Problem]:
    """The product can pay over every hop that fulfils a duty, and its books know the two accounts."""
    pairs = {
        f"{source}>{target}"
        for source in AccountType
        for target in AccountType
        if payment_flow(source, target)
    }
    for index, hop in enumerate(content.payment_path):
        if hop.closes is None:
            continue
        if hop.closes not in PAID_DUTIES:
            yield document.problem(
                ("payment_path", index, "closes"),
                f"不能由 {hop.closes} 拨付，只有 {'、'.join(PAID_DUTIES)}；仅作说明的写 null / "
                "money is paid by these two duties; null for a hop that only informs",
            )
        elif f"{hop.from_account}>{hop.to_account}" not in pairs:
            yield document.problem(
                ("payment_path", index),
                f"不能从 {hop.from_account} 拨至 {hop.to_account}，只能 {'、'.join(sorted(pairs))} / "
                "the books join no such accounts by a payment",
            )


def hops_pay_each_unit_once(
    content: PolicyFile, document: Document, _national: NationalFile
) -> Iterator[Problem]:
    """On no day does a duty pay a unit over two hops, and every unit is reached by some hop of each duty."""
    units = {unit.code for unit in content.units if unit.is_fund_unit}
    paid = [
        (index, hop, set(hop.only_units) or units)
        for index, hop in enumerate(content.payment_path)
        if hop.closes in PAID_DUTIES
    ]
    for (_, earlier, to_earlier), (index, later, to_later) in combinations(paid, 2):
        twice = sorted(to_earlier & to_later) if earlier.closes == later.closes else []
        if twice and _meet(content, earlier, later):
            yield document.problem(
                ("payment_path", index),
                f"{'、'.join(twice)} 在同一职责由两条路径拨付，用 only_units 分开 / "
                f"{later.closes} would pay these units over two hops: divide them by only_units",
            )
    through_city = {
        unit for _, hop, to in paid if hop.to_account == AccountType.CITY_EXPENDITURE for unit in to
    }
    onward = {unit for _, hop, to in paid if hop.closes == PAID_DUTIES[1] for unit in to}
    reached = {unit for _, hop, to in paid if hop.closes == PAID_DUTIES[0] for unit in to}
    left_out = sorted(units - reached | (through_city - onward)) if paid else []
    if left_out:
        yield document.problem(
            ("payment_path",),
            f"{'、'.join(left_out)} 没有拨付路径到达 / no payment path reaches these units",
        )


def _meet(content: PolicyFile, earlier: PaymentHop, later: PaymentHop) -> bool:
    """Whether there is a day on which the rules of both hops hold."""

    def spans(hop: PaymentHop) -> list[tuple[date, date]]:
        return [
            (rule.valid_from or date.min, rule.valid_until or date.max)
            for rule in content.rules
            if rule.id == hop.basis
        ]

    return any(
        first <= until and start <= last for first, last in spans(earlier) for start, until in spans(later)
    )


def versions_meet(content: PolicyFile, document: Document, _national: NationalFile) -> Iterator[Problem]:
    """Versions of one rule leave no day without an answer and none with two."""
    versions: dict[str, list[tuple[int, Rule]]] = {}
    for index, rule in enumerate(content.rules):
        versions.setdefault(rule.id, []).append((index, rule))
    for rule_id, entries in versions.items():
        for (_, earlier), (index, later) in pairwise(entries):
            message = _seam(rule_id, earlier, later)
            if message:
                yield document.problem(("rules", index, "valid_from"), message)
        index, last = entries[-1]
        if last.valid_until is not None and last.ended_by is None:
            yield document.problem(
                ("rules", index, "valid_until"),
                f"{rule_id} 在 {last.valid_until} 之后没有规定：写明 ended_by，或续一版 / "
                "the rule ends without ended_by or a successor",
            )


def _seam(rule_id: str, earlier: Rule, later: Rule) -> str | None:
    """What is wrong between a version and the one after it; None when they meet."""
    if earlier.valid_until is None or later.valid_from is None:
        return f"{rule_id} 两版重叠：前一版没有 valid_until / versions overlap: the earlier one never ends"
    if later.valid_from <= earlier.valid_until:
        return f"{rule_id} 两版重叠 / versions overlap: {later.valid_from} is not after {earlier.valid_until}"
    if later.valid_from > earlier.valid_until + timedelta(days=1):
        return f"{rule_id} 两版之间有空档 / gap between {earlier.valid_until} and {later.valid_from}"
    return None


def chains_lead_somewhere(
    content: PolicyFile, document: Document, _national: NationalFile
) -> Iterator[Problem]:
    """A duty after another waits for a duty that a rule sets, and no chain runs in a circle."""
    before: dict[tuple[str, str], str | None] = {}
    places: dict[tuple[str, str], EntryPath] = {}
    for path, duty in _duties(content):
        before[(duty.every, duty.key)] = duty.due.duty if isinstance(duty.due, After) else None
        places[(duty.every, duty.key)] = path
    for (every, key), place in places.items():
        seen, current = [key], before[(every, key)]
        while current is not None:
            if (every, current) not in before:
                yield document.problem(
                    place,
                    f"{key} 的前一项职责 {current} 没有规定 / no rule of every: {every} sets the duty {current}",
                )
                break
            if current in seen:
                circle = " → ".join([*seen, current])
                yield document.problem(place, f"职责互为前提 / duties wait for each other: {circle}")
                break
            seen.append(current)
            current = before[(every, current)]


def readings_agree(content: PolicyFile, document: Document, _national: NationalFile) -> Iterator[Problem]:
    """A reading key that stands at several rules offers the same readings everywhere."""
    first: dict[str, tuple[str, ...]] = {}
    for index, rule in enumerate(content.rules):
        for number, entry in enumerate(rule.interpretations):
            if first.setdefault(entry.key, entry.readings) != entry.readings:
                yield document.problem(
                    ("rules", index, "interpretations", number),
                    f"{entry.key} 的读法前后不一 / offers {', '.join(entry.readings)}, "
                    f"earlier {', '.join(first[entry.key])}",
                )


CHECKS: tuple[Check, ...] = (
    keys_are_unique,
    references_exist,
    duties_have_names,
    hops_can_be_paid,
    hops_pay_each_unit_once,
    versions_meet,
    chains_lead_somewhere,
    readings_agree,
)
"""Every consistency check of a policy file."""
