"""The limits a payment must keep, checked again wherever people or the program take it a step further.

Ordering, approving, releasing, preparing (which reserves the money) and claiming each check them in
their own transaction: a budget that was raised for the review and lowered afterwards is not overspent.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from fundpool.domain.application import Application
from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.errors import RuleViolation
from fundpool.domain.money import format_yuan
from fundpool.domain.periods import Month, day_of
from fundpool.domain.transfer import (
    MAY_BE_ORDERED_AGAIN,
    Attempt,
    Batch,
    Obligation,
    ObligationState,
    latest_revisions,
)
from fundpool.services.payments.seals import (
    broken_seal,
    require_all_latest,
    require_application_whole,
    require_equal,
    require_latest,
)
from fundpool.services.ports.latest_seals import RowName, name_of, place_text
from fundpool.services.ports.work import Work


def require_within_limits(work: Work, batch: Batch, obligations: Sequence[Obligation]) -> None:
    """Raise RuleViolation unless the payments of a batch keep every limit as it stands now.

    ``exceeds_limit``: a ceiling of the installation; ``exceeds_annual_budget``, ``budget_missing``: what is
    paid and reserved for a county's year, these payments with it, where the city's text caps it;
    ``seal_broken``, ``row_put_back``: a budget or payment that this rests on was changed in the database.
    """
    limits = work.limits
    for obligation in obligations:
        _require_within("单笔", "one transfer", obligation.amount_fen, limit_fen=limits.per_transfer_fen)
    _require_within("批次", "one batch", batch.total_fen, limit_fen=limits.per_batch_fen)
    if limits.within_annual_budget(batch.city, batch.month):
        _require_within_budget(work, batch, obligations)


def require_within_day(work: Work, obligation: Obligation, attempt: Attempt, *, now: datetime) -> None:
    """Raise RuleViolation ``exceeds_limit`` when sending the order now would pass the day's ceiling."""
    if work.limits.per_day_fen is None:
        return
    day_fen = obligation.amount_fen
    if attempt.first_sent_at is None:
        day_fen += work.attempts.sent_fen(obligation.city, obligation.fund, day_of(now))
    _require_within("单日", "one day", day_fen, limit_fen=work.limits.per_day_fen)


def _require_within(what_zh: str, what_en: str, amount_fen: int, *, limit_fen: int | None) -> None:
    if limit_fen is not None and amount_fen > limit_fen:
        raise RuleViolation(
            "exceeds_limit",
            f"{what_zh}金额 {format_yuan(amount_fen)} 元，超过限额 {format_yuan(limit_fen)} 元",
            f"{what_en} of {format_yuan(amount_fen)} yuan exceeds the limit of {format_yuan(limit_fen)}",
        )


def _require_within_budget(work: Work, batch: Batch, obligations: Iterable[Obligation]) -> None:
    year = batch.month.year
    budgets = sealed_budgets(work, batch.city, year)
    applications = _applications(work, batch.city, batch.fund, year=year)
    committed = _committed_fen(work, batch.city, batch.fund, year=year, applications=applications)
    for obligation in obligations:
        for county in _counties_of(obligation, applications):
            budget_fen = budgets.get((county, batch.fund))
            if budget_fen is None:
                raise budget_missing(county, batch.fund, year)
            if committed.get(county, 0) > budget_fen:
                raise RuleViolation(
                    "exceeds_annual_budget",
                    f"{county} {batch.fund} {year} 年已拨付和已列入批次共 {format_yuan(committed[county])} 元，"
                    f"超过年度预算 {format_yuan(budget_fen)} 元",
                    f"{county} {batch.fund}: {format_yuan(committed[county])} yuan are paid or ordered in {year}, "
                    f"above the annual budget of {format_yuan(budget_fen)}",
                    remedy="先办理预算调整，或撤回超出的款项 / have the budget adjusted, or withdraw what exceeds it: "
                    "fundpool budget import, fundpool transfers cancel",
                )


def budget_missing(county: str, fund: str, year: int) -> RuleViolation:
    """A city that pays within the annual budget pays nothing to a county that has none."""
    return RuleViolation(
        "budget_missing",
        f"{county} {fund} 没有 {year} 年度预算，不能在预算额度内拨付",
        f"{county} {fund} has no budget for {year}: nothing can be paid within it",
        remedy="fundpool budget import FILE --city … --year …",
    )


def sealed_budgets(work: Work, city: str, year: int) -> dict[tuple[str, str], int]:
    """The year's budget in fen by county and fund. Raises RuleViolation ``seal_broken``, ``row_put_back``."""
    latest = {(each.county, each.fund): each for each in work.budgets.budget_revisions(city, year)}
    for revision in latest.values():
        if not work.seals.hold(revision, city):
            raise broken_seal(f"budget {city} {year} {revision.county} {revision.fund}")
    # The last of each place alone: once people have entered another one, those before no longer count.
    written: dict[tuple[str, str], tuple[int, RowName, str]] = {}
    for name, seal in work.latest.of_place("budgets", place_text(city, year)).items():
        *_, county, fund, number = json.loads(name.key)
        before = written.get((county, fund))
        if before is None or before[0] < number:
            written[county, fund] = number, name, seal
    require_equal(
        {name: seal for _, name, seal in written.values()},
        {name_of(each, city=city): each.seal for each in latest.values()},
    )
    return {place: each.amount_fen for place, each in latest.items()}


def committed_fen(work: Work, city: str, fund: str, *, year: int) -> dict[str, int]:
    """What is paid or ordered for each county in the year, in fen: every payment that is ordered and not over.

    What was paid before the books began comes in with the openings. A payment to the city's own account
    counts for the counties of its application, until each county's own payment stands for it.
    Raises RuleViolation ``seal_broken``, ``row_put_back``.
    """
    return _committed_fen(
        work, city, fund, year=year, applications=_applications(work, city, fund, year=year)
    )


def _committed_fen(
    work: Work, city: str, fund: str, *, year: int, applications: dict[tuple[Month, int], Application]
) -> dict[str, int]:
    sums = Counter(_paid_before(work, city, fund, year=year))
    own: Counter[tuple[Month, int, str]] = Counter()
    through_the_city: set[tuple[Month, int]] = set()
    for each in _ordered(work, city, fund, year=year):
        if each.hop.to_type is AccountType.CITY_EXPENDITURE:
            through_the_city.add((each.month, each.application))
        else:
            own[each.month, each.application, each.unit] += each.amount_fen - each.returned_fen
    if through_the_city:
        _require_latest_lines(work, city, fund, year=year, applications=applications)
    for (month, number), application in applications.items():
        if (month, number) not in through_the_city:
            continue
        require_application_whole(work, application)
        for line in application.lines:
            if (month, number, line.county) not in own:
                sums[line.county] += line.reviewed_fen or 0
    for (_, _, county), amount_fen in own.items():
        sums[county] += amount_fen
    return sums


def _paid_before(work: Work, city: str, fund: str, *, year: int) -> dict[str, int]:
    """What each county was paid in the year before these books began."""
    sums: Counter[str] = Counter()
    stated = work.budgets.openings(city)
    require_all_latest(work, "openings", city, *stated)
    for opening in stated:
        if (opening.month.year, opening.fund) == (year, fund):
            if not work.seals.hold(opening):
                raise broken_seal(f"opening {city} {opening.month} {opening.county} {fund}")
            sums[opening.county] += opening.year_paid_fen or 0
    return sums


def _ordered(work: Work, city: str, fund: str, *, year: int) -> list[Obligation]:
    found = work.payments.obligations(city=city, fund=fund, year=year)
    for each in found:
        if not work.seals.hold(each):  # also one that says that it is over
            raise broken_seal(f"obligation {each.key}")
    require_all_latest(work, "obligation", place_text(city, fund, year), *found)
    return [each for each in latest_revisions(found) if each.state not in MAY_BE_ORDERED_AGAIN]


def _require_latest_lines(
    work: Work, city: str, fund: str, *, year: int, applications: dict[tuple[Month, int], Application]
) -> None:
    standing = {
        name_of(line, city=city, month=month, fund=fund, number=number): line.seal
        for (month, number), application in applications.items()
        for line in application.lines
    }
    latest = work.latest.of_place("application_lines", place_text(city, year))
    require_equal({name: seal for name, seal in latest.items() if json.loads(name.key)[2] == fund}, standing)


def _applications(work: Work, city: str, fund: str, *, year: int) -> dict[tuple[Month, int], Application]:
    return {
        (each.month, each.number): each
        for each in work.applications.applications(city, year=year)
        if each.fund == fund
    }


def _counties_of(
    obligation: Obligation, applications: dict[tuple[Month, int], Application]
) -> tuple[str, ...]:
    """Whose money the payment is: a payment to the city's account is its application's counties'."""
    if obligation.hop.to_type is not AccountType.CITY_EXPENDITURE:
        return (obligation.unit,)
    application = applications.get((obligation.month, obligation.application))
    return () if application is None else tuple(line.county for line in application.lines)


def require_budget_covers(work: Work, city: str, year: int, *, amounts: dict[tuple[str, str], int]) -> None:
    """Raise RuleViolation ``budget_below_paid`` when a new budget is below what is paid and reserved.

    Only where the city's text caps a year's payments at the budget.
    """
    if not any(work.limits.within_annual_budget(city, Month(year, number)) for number in range(1, 13)):
        return
    for fund in sorted({fund for _, fund in amounts}):
        committed = committed_fen(work, city, fund, year=year)
        for (county, of_fund), amount_fen in sorted(amounts.items()):
            paid_fen = committed.get(county, 0)
            if of_fund == fund and amount_fen < paid_fen:
                raise RuleViolation(
                    "budget_below_paid",
                    f"{county} {fund} {year} 年已拨付和已列入批次共 {format_yuan(paid_fen)} 元，预算不能调减为 "
                    f"{format_yuan(amount_fen)} 元",
                    f"{county} {fund}: {format_yuan(paid_fen)} yuan are paid or ordered in {year}; the budget cannot "
                    f"be {format_yuan(amount_fen)}",
                    remedy="先撤回尚未拨付的款项，或核对文件 / withdraw what is not paid yet, or check the document",
                )


def require_money_arrived(work: Work, obligation: Obligation) -> None:
    """Raise RuleViolation ``money_not_arrived`` unless what the payment is paid from has arrived before it.

    ``row_put_back``: what says that it has is an earlier version.
    The hop before may have come back (退票) after this one was ordered. Nothing comes before the first hop.
    """
    if obligation.hop.from_type is AccountType.FISCAL_ACCOUNT:
        return
    before = [
        each
        for each in latest_revisions(
            work.payments.obligations(
                city=obligation.city,
                month=obligation.month,
                fund=obligation.fund,
                unit=obligation.payer_unit,
            )
        )
        if each.application == obligation.application and each.hop.to_type is obligation.hop.from_type
    ]
    missing = next((each for each in before if each.state is not ObligationState.SETTLED), None)
    if missing is not None:
        raise RuleViolation(
            "money_not_arrived",
            f"{obligation.key} 所用款项 {missing.key} 现为 {missing.state}，尚未到账或已退回",
            f"{obligation.key} is paid from {missing.key}, which is {missing.state}",
            remedy="上一环节到账后再发 / send it once the hop before has arrived: fundpool transfers list",
        )
    require_latest(work, *before)
