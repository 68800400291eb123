"""What a city's month must have before money moves: the year's budget, opening balances, approved accounts."""

from collections.abc import Iterable
from dataclasses import dataclass

from fundpool.domain.chart_of_accounts import AccountRef, AccountType
from fundpool.domain.periods import Month
from fundpool.domain.policy import CityPolicy
from fundpool.domain.transfer import AccountStatus
from fundpool.services.payments.disbursement import ALLOCATE_DUTY, PAY_DUTY, Leg, legs_of
from fundpool.services.ports.work import Work


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that is not recorded yet, at which places (county and scheme, or account), and the command for it."""

    key: str
    places: tuple[str, ...]
    zh: str
    en: str
    command: str


def lacks_of(work: Work, policy: CityPolicy, month: Month) -> tuple[Lack, ...]:
    """What the month lacks, in the order in which it is recorded; () when work can begin."""
    unregistered, unapproved = _accounts(work, policy, month)
    city = f"--city {policy.key}"
    found = (
        Lack(
            "budget",
            _without_budget(work, policy, month),
            f"没有登记 {month.year} 年度预算",
            f"no budget of {month.year} is recorded",
            f"fundpool budget import FILE {city} --year {month.year} --document-number NUMBER --by NAME",
        ),
        Lack(
            "openings_of_city",
            _unopened_accounts(work, policy, month),
            "付款账户没有期初余额",
            "a paying account has no opening balance",
            f"fundpool openings import FILE {city} --month {month.plus(-2)} --by NAME",
        ),
        Lack(
            "openings_of_counties",
            _unopened_counties(work, policy, month),
            "县区支出户没有期初余额",
            "a county's expenditure account has no opening balance",
            f"fundpool openings import FILE {city} --month {month.plus(-1)} --by NAME",
        ),
        Lack(
            "accounts",
            unregistered,
            "银行账户没有登记",
            "a bank account is not registered",
            "fundpool accounts import FILE --by NAME",
        ),
        Lack(
            "accounts_unapproved",
            unapproved,
            "银行账户已登记，待另一人复核",
            "a bank account is registered and waits for another person",
            f"fundpool accounts approve {city} --by NAME",
        ),
    )
    return tuple(lack for lack in found if lack.places)


def _legs(policy: CityPolicy, month: Month) -> list[Leg]:
    return [leg for duty in (PAY_DUTY, ALLOCATE_DUTY) for leg in legs_of(policy, month, duty)]


def _county_places(policy: CityPolicy, known: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The places of the city that are not among ``known`` (county and scheme)."""
    places = {
        (unit.code, fund.key): f"{unit.code} {fund.key}" for unit in policy.units for fund in policy.funds
    }
    have = frozenset(known)
    return tuple(name for place, name in places.items() if place not in have)


def _without_budget(work: Work, policy: CityPolicy, month: Month) -> tuple[str, ...]:
    return _county_places(policy, work.budgets.budgets(policy.key, month.year))


def _unopened_counties(work: Work, policy: CityPolicy, month: Month) -> tuple[str, ...]:
    openings = work.budgets.openings(policy.key)
    return _county_places(policy, ((each.county, each.fund) for each in openings if each.month < month))


def _unopened_accounts(work: Work, policy: CityPolicy, month: Month) -> tuple[str, ...]:
    """The accounts that the path's first hop pays from and that never held anything."""
    legs = legs_of(policy, month, PAY_DUTY)
    refs = [
        AccountRef(policy.key, fund.key, type_, unit=policy.division_code)
        for type_ in dict.fromkeys(leg.hop.from_type for leg in legs)
        for fund in policy.funds
    ]
    held = work.ledger.peek(refs)
    return tuple(f"{ref.type} {ref.unit} {ref.fund}" for ref in refs if ref not in held)


def _accounts(work: Work, policy: CityPolicy, month: Month) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The accounts of the city's path that nobody registered, and those that nobody approved."""
    wanted: dict[tuple[str, AccountType, str], None] = {}
    for fund in policy.funds:
        for leg in _legs(policy, month):
            payees = (policy.division_code,) if leg.pays_city else leg.units
            wanted[fund.key, leg.hop.from_type, policy.division_code] = None
            wanted |= {(fund.key, leg.hop.to_type, unit): None for unit in payees}
    states: dict[tuple[str, AccountType, str], set[AccountStatus]] = {}
    for account in work.accounts.find(policy.key):
        place = (account.fund, account.account_type, account.unit)
        states.setdefault(place, set()).add(account.status)
    unregistered: list[str] = []
    unapproved: list[str] = []
    for place in wanted:
        fund_key, account_type, unit = place
        have = states.get(place, set())
        if AccountStatus.APPROVED not in have:
            which = unapproved if AccountStatus.PROPOSED in have else unregistered
            which.append(f"{account_type} {unit} {fund_key}")
    return tuple(unregistered), tuple(unapproved)
