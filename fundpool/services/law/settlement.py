"""The settlement of a year: the waterfall of a city's text, run on facts, as the answer of ``compute``."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from fundpool.domain.policy import PolicyRule
from fundpool.domain.settlement import (
    CountySettlement,
    CountyYear,
    Reason,
    Settlement,
    settle,
)
from fundpool.domain.settlement_rules import (
    CITY_POOLS,
    Band,
    Bearer,
    Cause,
    OverBudget,
    Ration,
    Recovered,
    Rise,
    SettlementRules,
    ShortPool,
    SurplusSplit,
    SurplusTiming,
    Tier,
    raise_share,
)
from fundpool.services.law.plain import plain
from fundpool.services.law.policy_terms import Terms
from schemas.facts import SettlementFacts
from schemas.policy_computes import (
    SettlementAppraisal,
    SettlementCause,
    SettlementOverBudgetPart,
    SettlementPoolLimit,
    SettlementRation,
    SettlementRecovered,
    SettlementSurplus,
    SettlementTier,
)

REASONS: Mapping[Reason, tuple[str, str]] = {
    Reason.DOCUMENT_SILENT: (
        "文件没有规定这种情形由谁承担（例如年度收支计划未完成）",
        "the document is silent on this case (for example, the yearly plan was not completed)",
    ),
    Reason.POOL_EXHAUSTED: (
        "资金用完后文件没有规定由谁承担",
        "the pool is exhausted and the document names nobody after it",
    ),
    Reason.RATIO_NOT_GIVEN: ("文件规定按比例分担但没有给出比例", "the document gives no ratio"),
    Reason.RATION_NOT_GIVEN: (
        "几个县同时需要而资金不够，文件没有规定先后或比例（读法 gap.ration）",
        "several counties claim a pool that is too small; the document does not say how to ration it",
    ),
}


def rules_of(terms: Terms) -> SettlementRules:
    """The city's settlement rules with the readings taken."""
    tiers = terms.stated(SettlementTier)
    surpluses = terms.stated(SettlementSurplus)
    recovered = terms.stated(SettlementRecovered)
    causes = terms.stated(SettlementCause)
    terms.repeat_readings(block for _, block in (*tiers, *surpluses, *recovered, *causes))
    over_budget, ration = OverBudget.WHOLE, None
    for _, divided in terms.stated(SettlementOverBudgetPart):
        over_budget = terms.choose(divided.value, OverBudget)
    for _, rationed in terms.stated(SettlementRation):
        ration = terms.choose(rationed.value, Ration)
    appraisal = _appraisal(terms)
    return SettlementRules(
        tiers=tuple(_tier(rule, block, terms, appraisal=appraisal) for rule, block in tiers),
        causes=tuple(
            Cause(rule.id, of=block.of, bearer=block.bearer, beyond_gap=block.beyond_gap)
            for rule, block in causes
        ),
        over_budget=over_budget,
        ration=ration or terms.read("gap.ration", Ration),
        surplus=next((SurplusSplit(rule.id, block.shares) for rule, block in surpluses), None),
        recovered=next((Recovered(rule.id, block.pool) for rule, block in recovered), None),
        surplus_timing=next(
            (terms.choose(block.timing, SurplusTiming) for _, block in surpluses), SurplusTiming.AFTER
        ),
        pool_limits={block.pool: block.at_most for _, block in terms.stated(SettlementPoolLimit)},
    )


def _appraisal(terms: Terms) -> tuple[str, Bearer, Fraction, Rise] | None:
    for rule, block in terms.stated(SettlementAppraisal):
        return rule.id, block.bearer, block.rise, terms.choose(block.way, Rise)
    return None


def _tier(
    rule: PolicyRule,
    block: SettlementTier,
    terms: Terms,
    *,
    appraisal: tuple[str, Bearer, Fraction, Rise] | None,
) -> Tier:
    shares = block.shares if isinstance(block.shares, dict) else None
    raised = None
    if shares and appraisal:
        _, bearer, rise, way = appraisal
        raised = raise_share(shares, bearer, rise, way=way)
    return Tier(
        rule=rule.id,
        order=block.order,
        shares=shares,
        when=frozenset(block.when),
        part=block.part,
        band=Band(block.band.above, block.band.up_to) if block.band else None,
        short_pool=terms.choose(block.short_pool, ShortPool),
        raised_shares=raised,
        raised_by=appraisal[0] if appraisal else None,
        approvals=block.approval,
    )


def answer(terms: Terms, facts: SettlementFacts) -> dict[str, Any]:
    """The settlement as the contract's answer."""
    rules = rules_of(terms)
    pools = {pool: getattr(facts.pools, f"{pool.value}_fen") for pool in CITY_POOLS}
    counties = [CountyYear(**dict(county)) for county in facts.counties]
    settlement = settle(rules, counties, pools)
    _remark(terms, rules, settlement, counties=counties)
    return {
        "counties": [_county(county) for county in settlement.counties],
        "totals": _totals(settlement),
        "pools_after": {
            f"{pool.value}_fen": amount
            for pool, amount in settlement.pools_after.items()
            if pool is not Bearer.ADJUSTMENT_FUND or amount or pools[pool]
        },
        "shortfalls": [
            {**plain(shortfall), "short_fen": shortfall.short_fen} for shortfall in settlement.shortfalls
        ],
        "rules": _rules_behind(rules, settlement),
    }


def _county(county: CountySettlement) -> dict[str, Any]:
    reasons = dict.fromkeys(part.reason.value for part in county.unallocated)
    return {
        **plain(county, exclude={"unallocated", "uncovered_fault_fen", "stored_balance_after_fen"}),
        "result": county.result,
        "unallocated_fen": county.unallocated_fen,
        "unallocated_reason": "+".join(reasons) or None,
        "unallocated": [
            {
                **plain(part),
                "message_zh": REASONS[part.reason][0],
                "message_en": REASONS[part.reason][1],
            }
            for part in county.unallocated
        ],
        # Last, because compare lists the differences of a county in this order.
        "stored_balance_after_fen": county.stored_balance_after_fen,
    }


def _totals(settlement: Settlement) -> dict[str, Any]:
    counties = settlement.counties
    shares: dict[str, int] = {}
    for county in counties:
        for share in county.shares:
            shares[share.bearer.value] = shares.get(share.bearer.value, 0) + share.amount_fen
    return {
        "gap_fen": sum(county.gap_fen for county in counties),
        "surplus_fen": sum(county.surplus_fen for county in counties),
        "shares": shares,
        "collected_fen": sum(county.collected_fen for county in counties),
        "returned_fen": sum(county.returned_fen for county in counties),
        "recovered_fen": sum(county.recovered_fen for county in counties),
        "unallocated_fen": sum(county.unallocated_fen for county in counties),
        "beyond_gap_fen": sum(share.amount_fen for county in counties for share in county.beyond_gap),
    }


def _rules_behind(rules: SettlementRules, settlement: Settlement) -> dict[str, list[str]]:
    """The rules behind the figures that carry none of their own."""
    silent = [part.rule for county in settlement.counties for part in county.unallocated if part.rule]
    return {
        "shares": list(dict.fromkeys([*(c.rule for c in rules.causes), *(t.rule for t in rules.tiers)])),
        "collected_fen": [rules.surplus.rule] if rules.surplus else [],
        "returned_fen": [rules.surplus.rule] if rules.surplus else [],
        "recovered_fen": [rules.recovered.rule] if rules.recovered else [],
        "unallocated_fen": list(dict.fromkeys(silent)),
    }


def _remark(
    terms: Terms, rules: SettlementRules, settlement: Settlement, *, counties: list[CountyYear]
) -> None:
    """Say what the figures alone do not: silence on surpluses, faults beyond a gap, unused facts."""
    if rules.surplus is None and any(county.surplus_fen for county in settlement.counties):
        terms.note(
            "文件没有规定当年结余如何分配：结余不作处理",
            "the document does not say where a surplus goes: it is left as it is",
        )
    for county in settlement.counties:
        if county.uncovered_fault_fen:
            terms.note(
                f"{county.code} 的过错金额超出缺口 {county.uncovered_fault_fen} 分，超出部分不属缺口分担",
                f"{county.code}: the fault exceeds the gap by {county.uncovered_fault_fen} fen, which is no part of it",
                next((cause.rule for cause in rules.causes), None),
            )
        elif not rules.causes and any(c.code == county.code and c.fault_fen for c in counties):
            terms.note(
                f"{county.code} 填了过错金额，但文件没有规定过错部分由谁承担",
                f"{county.code}: a fault is given, but the document has no rule for it",
            )
    if rules.recovered is None and any(county.recovered_fen for county in counties):
        terms.note(
            "文件没有规定追回资金的去向：追回金额不作处理",
            "the document does not say where recovered money goes: it is left out",
        )
