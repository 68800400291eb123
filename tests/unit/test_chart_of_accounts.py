"""Which movements of money may be booked at all."""

from itertools import product

import pytest

from fundpool.domain.chart_of_accounts import CASH, FLOWS, AccountType, Flow, payment_flow

T = AccountType


def test_every_flow_is_legal_between_some_accounts() -> None:
    assert set(FLOWS) == set(Flow)
    assert all(FLOWS.values())


def test_money_is_ordered_only_down_the_path_from_the_fiscal_account() -> None:
    legal = {(a, b) for a, b in product(T, T) if payment_flow(a, b) is not None}
    assert legal == {
        (T.FISCAL_ACCOUNT, T.CITY_EXPENDITURE),
        (T.FISCAL_ACCOUNT, T.COUNTY_EXPENDITURE),
        (T.CITY_EXPENDITURE, T.COUNTY_EXPENDITURE),
    }


@pytest.mark.parametrize("payer", [T.TREASURY, T.INCOME_ACCOUNT, T.FISCAL_ACCOUNT, T.COUNTY_FISCAL])
def test_benefits_are_paid_from_expenditure_accounts_only(payer: AccountType) -> None:
    assert (T.FUND_EXPENDITURE, payer) not in FLOWS[Flow.SPEND]


def test_income_never_lands_on_an_expenditure_account_except_as_interest() -> None:
    landing = {debit for debit, credit in FLOWS[Flow.INCOME]}
    assert landing == {T.TREASURY, T.INCOME_ACCOUNT, T.FISCAL_ACCOUNT}
    assert {T.CITY_EXPENDITURE, T.COUNTY_EXPENDITURE} <= {debit for debit, _ in FLOWS[Flow.INTEREST]}


def test_no_flow_joins_an_account_type_with_itself() -> None:
    assert not [flow for flow, pairs in FLOWS.items() for debit, credit in pairs if debit is credit]


def test_suspense_takes_only_what_the_bank_did_and_gives_it_back_to_payee_or_payer() -> None:
    touching = {flow for flow, pairs in FLOWS.items() if any(T.SUSPENSE in pair for pair in pairs)}
    assert touching == {Flow.ANOMALY, Flow.ANOMALY_ACCEPTED, Flow.ANOMALY_RETURNED}


def test_opening_balances_exist_for_bank_accounts_only() -> None:
    assert {debit for debit, _ in FLOWS[Flow.OPENING]} == CASH
