"""How the demo month ended: money per county and scheme, who was late, books against the bank's book."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from fundpool.console.output import pick
from fundpool.domain.chart_of_accounts import AccountRef, AccountType
from fundpool.domain.ledger import trial_balance
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.policy import CityPolicy
from fundpool.domain.submission import DocumentKind
from fundpool.services.books import booking, ledger_checks
from fundpool.services.oversight.flags import flags_of
from fundpool.services.oversight.progress import MonthFacts, month_facts, progress_of
from fundpool.services.payments import transfer_views
from fundpool.services.ports.work import MonthPorts, Work
from schemas.dashboard import Flag

BANK_ONLY_ACCOUNTS = {AccountType.FISCAL_ACCOUNT, AccountType.CITY_EXPENDITURE}
"""Accounts whose every movement goes through the gateway; counties pay hospitals at their own desks."""


@dataclass(frozen=True, slots=True)
class MoneyRow:
    """One county's scheme from request to spending, in fen; None where it never got there."""

    county: str
    county_zh: str
    county_en: str
    fund: str
    requested_fen: int | None
    approved_fen: int | None
    reviewed_fen: int | None
    paid_fen: int
    spent_fen: int | None


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """Debits and credits of one scheme's books, in fen; equal when the balance is nil."""

    fund: str
    debit_fen: int
    credit_fen: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The end of the demo, for a terminal or as JSON. ``differences``: books against the bank's book."""

    city: str
    month: str
    money: tuple[MoneyRow, ...]
    flags: tuple[dict[str, Any], ...]
    trial_balance: tuple[TrialBalance, ...]
    ledger_faults: tuple[str, ...]
    transfers: int
    differences: tuple[str, ...]
    digest: str

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong with the money; late counties are the story, not a fault."""
        balanced = all(row.debit_fen == row.credit_fen for row in self.trial_balance)
        paid = all(row.paid_fen == row.reviewed_fen for row in self.money)
        return balanced and paid and not self.ledger_faults and not self.differences


def summarise(
    ports: MonthPorts, city: str, month: Month, *, now: datetime, bank_book: dict[str, Any]
) -> Summary:
    """Read the month's end from the records; ``bank_book`` is what the sandbox bank says it did."""
    policy = ports.policies.city(city)

    def read(work: Work) -> Summary:
        facts = month_facts(work, policy, month)
        flags = flags_of(
            work, policy, facts, progress=progress_of(policy, month, ports.calendar, facts=facts, now=now)
        )
        held = booking.balances(work, policy.key)
        return Summary(
            city=policy.key,
            month=str(month),
            money=tuple(_money(policy, facts)),
            flags=tuple(_flag(flag) for flag in flags),
            trial_balance=tuple(
                TrialBalance(fund, debit, credit)
                for (_, fund), (debit, credit) in sorted(trial_balance(held).items())
            ),
            ledger_faults=tuple(fault.zh for fault in ledger_checks.verify(work)),
            transfers=len(bank_book["executions"]),
            differences=tuple(_differences(work, policy, month, bank_book=bank_book)),
            digest=_digest(work, policy, facts, flags=flags, bank_book=bank_book),
        )

    return ports.database.read(read)


def _money(policy: CityPolicy, facts: MonthFacts) -> Iterator[MoneyRow]:
    cases = {(case.document, case.county, case.fund): case for case in facts.cases}
    lines = [(each.fund, line) for each in facts.applications for line in each.lines]
    reviewed = {(line.county, fund): line.reviewed_fen for fund, line in lines}
    paid: Counter[tuple[str, str]] = Counter()
    for obligation in facts.obligations:
        if obligation.hop.to_type is AccountType.COUNTY_EXPENDITURE and obligation.settled_at is not None:
            paid[obligation.unit, obligation.fund] += obligation.amount_fen
    for unit in policy.units:
        for fund in (fund.key for fund in policy.funds):
            plan = cases.get((DocumentKind.PLAN, unit.code, fund))
            report = cases.get((DocumentKind.REPORT, unit.code, fund))
            yield MoneyRow(
                county=unit.code,
                county_zh=unit.name_zh,
                county_en=unit.name_en,
                fund=fund,
                requested_fen=plan.requested_fen if plan else None,
                approved_fen=plan.approved_fen if plan else None,
                reviewed_fen=reviewed.get((unit.code, fund)),
                paid_fen=paid[unit.code, fund],
                spent_fen=report.approved_fen if report else None,
            )


def _flag(flag: Flag) -> dict[str, Any]:
    about = pick(flag, "kind severity unit unit_name_zh fund days message_zh message_en")
    return {**about, "step": flag.duty}


def _differences(work: Work, policy: CityPolicy, month: Month, *, bank_book: dict[str, Any]) -> list[str]:
    """Where the bank's book and ours differ: transfers first, then balances."""
    ours = {
        view.attempt.key: (view.obligation.amount_fen, view.credit_account.account_no)
        for view in transfer_views.transfer_views(work, policy.key, month)
        if view.attempt is not None and view.obligation.settled_at is not None
    }
    found = []
    theirs: dict[str, tuple[int, str]] = {}
    for execution in bank_book["executions"]:
        if execution["key"] in theirs:
            found.append(
                f"银行执行了两次：{execution['key']} / executed twice by the bank: {execution['key']}"
            )
        theirs[execution["key"]] = (execution["amount_fen"], execution["credit_account"])
    found += [
        f"{key}：账 {ours.get(key)}，银行 {theirs.get(key)} / {key}: books {ours.get(key)}, bank {theirs.get(key)}"
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key) != theirs.get(key)
    ]
    balances = {account["account"]: account["balance_fen"] for account in bank_book["accounts"]}
    for account in work.accounts.find(policy.key):
        if account.account_type in BANK_ONLY_ACCOUNTS:
            ref = AccountRef(policy.key, account.fund, account.account_type, unit=account.unit)
            booked = booking.balance(work, ref).posted_fen
            at_bank = balances.get(account.account_no)
            if booked != at_bank:
                found.append(
                    f"{account.account_no}：账 {booked}，银行 {at_bank} / {account.account_no}: books {booked}, bank {at_bank}"
                )
    return found


def _digest(
    work: Work, policy: CityPolicy, facts: MonthFacts, *, flags: tuple[Flag, ...], bank_book: dict[str, Any]
) -> str:
    """A SHA-256 that is the same for two plays of the same month: what was filed, decided, paid, booked and flagged.

    Days, not hours: a step that was cut short and run again may finish some minutes later.
    """
    state: dict[str, Any] = {
        "filed": [
            [document.value, county, each.version, each.sha256, each.verdict and each.verdict.value]
            for (document, county), versions in sorted(facts.versions.items())
            for each in versions
        ],
        "decided": [
            [
                *(case.document.value, case.county, case.fund, case.state.value),
                *(case.requested_fen, case.approved_fen, case.reason, case.maker, case.checker),
            ]
            for case in facts.cases
        ],
        "applied": [
            [
                each.fund,
                each.number,
                [[line.county, line.applied_fen, line.reviewed_fen] for line in each.lines],
            ]
            for each in facts.applications
        ],
        "paid": sorted(
            [each.key, each.amount_fen, each.state.value, _day(each.settled_at)] for each in facts.obligations
        ),
        "bank": sorted(
            [each["key"], each["amount_fen"], each["credit_account"]] for each in bank_book["executions"]
        ),
        "books": sorted(
            [str(each.ref), each.posted_fen, each.reserved_fen] for each in booking.balances(work, policy.key)
        ),
        "reported": [[each.version, each.content_digest] for each in facts.filings],
        "flags": sorted([flag.kind, flag.unit or "", flag.fund or "", flag.days or 0] for flag in flags),
    }
    return sha256(json.dumps(state, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _day(moment: datetime | None) -> str | None:
    return moment.astimezone(SHANGHAI).date().isoformat() if moment else None
