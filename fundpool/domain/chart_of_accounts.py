"""The kinds of account a pooled fund keeps, and the closed list of legal flows between them.

The books are kept on a cash basis, per city and fund: a fund's money never meets another fund's.
A movement that is not in ``FLOWS`` cannot be booked at all, whoever asks.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class AccountType(StrEnum):
    """What an account of the books stands for."""

    TREASURY = "treasury"
    """国库: contributions collected by the tax authority arrive here."""
    INCOME_ACCOUNT = "income_account"
    """收入户 of the agency: contributions that do not pass the treasury."""
    FISCAL_ACCOUNT = "fiscal_account"
    """财政专户: the fund's purse, held by the finance bureau."""
    CITY_EXPENDITURE = "city_expenditure"
    """市支出户 of the city agency."""
    COUNTY_EXPENDITURE = "county_expenditure"
    """县支出户 of a county agency."""
    COUNTY_FISCAL = "county_fiscal"
    """县财政专户: interest of a county account passes it on the way up."""
    FUND_INCOME = "fund_income"
    """基金收入, by source."""
    FUND_EXPENDITURE = "fund_expenditure"
    """基金支出, by benefit item (险种)."""
    FUND_BALANCE = "fund_balance"
    """累计结余 brought forward when the books were opened."""
    SUSPENSE = "suspense"
    """待查款项: money the bank moved although our books had closed the order."""


CASH = frozenset(
    {
        AccountType.TREASURY,
        AccountType.INCOME_ACCOUNT,
        AccountType.FISCAL_ACCOUNT,
        AccountType.CITY_EXPENDITURE,
        AccountType.COUNTY_EXPENDITURE,
        AccountType.COUNTY_FISCAL,
    }
)
"""Accounts at a bank: their balance is what the bank holds and never falls below nil."""


class Flow(StrEnum):
    """The legal movements of money, each with the accounts it may join (see ``FLOWS``)."""

    OPENING = "opening"
    """期初: a balance brought into these books."""
    INCOME = "income"
    """Contribution, subsidy, transfer or other income received (收入)."""
    INTEREST = "interest"
    """利息收入 credited by the bank."""
    TREASURY_TO_FISCAL = "treasury_to_fiscal"
    """国库 → 财政专户."""
    INCOME_TO_FISCAL = "income_to_fiscal"
    """收入户 → 财政专户."""
    PAY_TO_CITY = "pay_to_city"
    """财政专户 → 市支出户, on the city agency's application."""
    PAY_DIRECT = "pay_direct"
    """财政专户 → 县支出户, where the city pays counties without a stop in between."""
    ALLOCATE = "allocate"
    """市支出户 → 县支出户."""
    SPEND = "spend"
    """Benefits paid out of an expenditure account (待遇支出)."""
    SPEND_RETURNED = "spend_returned"
    """Benefits that came back to the account they were paid from (退回), less spending."""
    RETURN_UP = "return_up"
    """Interest or unused money of an expenditure account passed up (上划)."""
    BANK_RETURN = "bank_return"
    """退票: the bank sent an executed transfer back; a new event, the transfer stays settled."""
    ANOMALY = "anomaly"
    """The bank executed an order our books had closed: money out to suspense."""
    ANOMALY_ACCEPTED = "anomaly_accepted"
    """The payee keeps the anomalous payment as the payment it was meant to be."""
    ANOMALY_RETURNED = "anomaly_returned"
    """The anomalous payment came back to the account it left."""


_T = AccountType
_EXPENDITURE = (_T.CITY_EXPENDITURE, _T.COUNTY_EXPENDITURE)
_PAYERS = (_T.FISCAL_ACCOUNT, _T.CITY_EXPENDITURE)


def _pairs(debits: tuple[_T, ...], credits_: tuple[_T, ...]) -> frozenset[tuple[_T, _T]]:
    return frozenset((debit, credit) for debit in debits for credit in credits_ if debit is not credit)


FLOWS: dict[Flow, frozenset[tuple[AccountType, AccountType]]] = {
    # flow: {(account debited, account credited)}; a debit raises a cash account
    Flow.OPENING: _pairs(tuple(sorted(CASH)), (_T.FUND_BALANCE,)),
    Flow.INCOME: _pairs((_T.TREASURY, _T.INCOME_ACCOUNT, _T.FISCAL_ACCOUNT), (_T.FUND_INCOME,)),
    Flow.INTEREST: _pairs(tuple(sorted(CASH - {_T.TREASURY})), (_T.FUND_INCOME,)),
    Flow.TREASURY_TO_FISCAL: _pairs((_T.FISCAL_ACCOUNT,), (_T.TREASURY,)),
    Flow.INCOME_TO_FISCAL: _pairs((_T.FISCAL_ACCOUNT,), (_T.INCOME_ACCOUNT,)),
    Flow.PAY_TO_CITY: _pairs((_T.CITY_EXPENDITURE,), (_T.FISCAL_ACCOUNT,)),
    Flow.PAY_DIRECT: _pairs((_T.COUNTY_EXPENDITURE,), (_T.FISCAL_ACCOUNT,)),
    Flow.ALLOCATE: _pairs((_T.COUNTY_EXPENDITURE,), (_T.CITY_EXPENDITURE,)),
    Flow.SPEND: _pairs((_T.FUND_EXPENDITURE,), _EXPENDITURE),
    Flow.SPEND_RETURNED: _pairs(_EXPENDITURE, (_T.FUND_EXPENDITURE,)),
    Flow.RETURN_UP: frozenset(
        {
            (_T.COUNTY_FISCAL, _T.COUNTY_EXPENDITURE),
            (_T.FISCAL_ACCOUNT, _T.COUNTY_FISCAL),
            (_T.FISCAL_ACCOUNT, _T.CITY_EXPENDITURE),
            (_T.CITY_EXPENDITURE, _T.COUNTY_EXPENDITURE),
        }
    ),
    Flow.BANK_RETURN: _pairs((_T.FISCAL_ACCOUNT,), _EXPENDITURE)
    | _pairs((_T.CITY_EXPENDITURE,), (_T.COUNTY_EXPENDITURE,)),
    Flow.ANOMALY: _pairs((_T.SUSPENSE,), _PAYERS),
    Flow.ANOMALY_ACCEPTED: _pairs(_EXPENDITURE, (_T.SUSPENSE,)),
    Flow.ANOMALY_RETURNED: _pairs(_PAYERS, (_T.SUSPENSE,)),
}

BANK_SAYS_SO = frozenset({Flow.BANK_RETURN, Flow.ANOMALY})
"""Flows that record what the bank has already done: booked even when our balance says it cannot be."""

_PAYMENT_FLOWS = {
    (_T.FISCAL_ACCOUNT, _T.CITY_EXPENDITURE): Flow.PAY_TO_CITY,
    (_T.FISCAL_ACCOUNT, _T.COUNTY_EXPENDITURE): Flow.PAY_DIRECT,
    (_T.CITY_EXPENDITURE, _T.COUNTY_EXPENDITURE): Flow.ALLOCATE,
}


def payment_flow(from_type: AccountType, to_type: AccountType) -> Flow | None:
    """The flow a payment hop is booked as; ``None`` when money may not be ordered that way."""
    return _PAYMENT_FLOWS.get((from_type, to_type))


@dataclass(frozen=True, slots=True, order=True)
class AccountRef:
    """One account of the books: ``detail`` is the benefit item or the source of income, else ``""``.

    ``unit`` is the code of the county or city that holds it; ``text`` names the account in words,
    and is the key of a batch's lookups: a string keeps its hash.
    """

    city: str
    fund: str
    type: AccountType
    unit: str
    detail: str = ""
    text: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        text = f"{self.city}:{self.fund}:{self.type}:{self.unit}"
        object.__setattr__(self, "text", f"{text}:{self.detail}" if self.detail else text)

    @property
    def is_cash(self) -> bool:
        return self.type in CASH

    def __str__(self) -> str:
        return self.text
