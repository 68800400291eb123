"""Registers that the city keeps and imports: budgets, openings, accounts, incomes; and accounts of the sandbox bank.

They go through the counties' reader like any document, but have no template, period or suite: a register is
headed by the columns' keys or Chinese names, one row a line, and money is in yuan.
"""

from schemas.documents.base import DocumentField, DocumentType, FieldKind


class RegisterType(DocumentType):
    """A register: its columns are all it has."""

    __slots__ = ()

    @property
    def fields(self) -> tuple[DocumentField, ...]:
        return self.columns

    @property
    def heading(self) -> str:
        """How the first line of a CSV reads; what is optional may be left out."""
        return ",".join(f.aliases[0] if f.is_money else f.key for f in self.fields if not f.is_optional)


def _register(key: str, zh: str, en: str, *columns: DocumentField) -> RegisterType:
    return RegisterType(
        key=key, zh=zh, en=en, month_zh="", month_en="", columns=columns, total_field="", labels=()
    )


def _money(key: str, zh: str, en: str, *, is_optional: bool = False) -> DocumentField:
    return DocumentField(key, zh, en, (f"{key}_yuan", f"{zh}（元）"), is_optional=is_optional)


_CITY = DocumentField("city", "统筹区", "city", kind=FieldKind.CODE)
_FUND = DocumentField("fund", "险种", "fund", kind=FieldKind.FUND)
_UNIT = DocumentField("unit", "单位", "unit", ("单位代码", "县区", "县区代码"), kind=FieldKind.CODE)
_TYPE = DocumentField("account_type", "账户类型", "account type", kind=FieldKind.CODE)

BUDGET_REGISTER = _register(
    "budget-register",
    "年度支出预算",
    "the year's budget",
    DocumentField("county", "县区", "county", ("县区代码", "县区名称", "unit"), kind=FieldKind.CODE),
    _FUND,
    _money("amount", "金额", "amount"),
)
OPENING_REGISTER = _register(
    "opening-register",
    "期初余额",
    "opening balances",
    _TYPE,
    _UNIT,
    _FUND,
    _money("balance", "余额", "balance"),
    _money("spending", "本月支出", "spending of the month", is_optional=True),
    _money("year_spending", "本年累计支出", "spending of the year", is_optional=True),
    _money("year_paid", "本年累计拨款", "paid in the year", is_optional=True),
)
ACCOUNT_REGISTER = _register(
    "account-register",
    "账户登记表",
    "bank accounts",
    _CITY,
    _FUND,
    _UNIT,
    _TYPE,
    DocumentField("account_no", "账号", "account number", kind=FieldKind.ACCOUNT),
    DocumentField("account_name", "户名", "account name", kind=FieldKind.TEXT),
    DocumentField("bank_name", "开户行", "bank", ("开户银行",), kind=FieldKind.TEXT),
)
BOOK_REGISTER = _register(
    "book-register",
    "账簿期初",
    "opening balances of the books",
    _CITY,
    _FUND,
    _TYPE,
    _UNIT,
    _money("amount", "金额", "amount"),
)
INCOME_REGISTER = _register(
    "income-register",
    "收入登记表",
    "incomes",
    _CITY,
    _FUND,
    _TYPE,
    _UNIT,
    DocumentField("source", "来源", "source", ("收入来源",), kind=FieldKind.CODE),
    DocumentField("received_on", "到账日期", "received on", ("入账日期", "日期"), kind=FieldKind.DAY),
    DocumentField("reference", "凭据号", "reference", ("凭证号", "单据号"), kind=FieldKind.REFERENCE),
    _money("amount", "金额", "amount"),
)
SANDBOX_REGISTER = _register(
    "sandbox-register",
    "模拟银行账户",
    "accounts of the sandbox bank",
    DocumentField("account", "账号", "account number", ("account_no",), kind=FieldKind.ACCOUNT),
    DocumentField("name", "户名", "account name", ("account_name",), kind=FieldKind.TEXT),
    DocumentField("balance_fen", "余额（分）", "balance in fen", kind=FieldKind.COUNT, is_optional=True),
)
