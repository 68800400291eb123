"""利息收入表: interest earned by a county's accounts and passed on to the fiscal account."""

from schemas.documents.base import DocumentField, DocumentType, FieldKind, Intake, Sum

INTEREST = DocumentType(
    key="interest",
    zh="利息收入表",
    en="interest return",
    month_zh="结息月份",
    month_en="the month of interest",
    columns=(
        DocumentField("account", "账号", "account", ("账户账号", "银行账号"), kind=FieldKind.CODE),
        DocumentField("bank", "开户银行", "bank", ("开户行",), kind=FieldKind.TEXT),
        DocumentField("average_balance_fen", "日均余额", "average daily balance", ("平均余额",)),
        DocumentField("held_before_fen", "期初未划转利息", "interest not passed on before", ("期初利息",)),
        DocumentField("interest_fen", "本期利息", "interest earned", ("利息收入", "利息")),
        DocumentField("passed_on_fen", "本期划转", "passed on", ("划转财政专户", "划转利息")),
        DocumentField(
            "held_after_fen",
            "期末未划转利息",
            "interest not yet passed on",
            ("期末利息",),
            follows_from=Sum(
                ("held_before_fen", "interest_fen"),
                ("passed_on_fen",),
                title_zh="期初加本期减划转等于期末",
                title_en="before + earned − passed on = after",
            ),
        ),
    ),
    row_key=("county_code", "fund", "account"),
    total_field="interest_fen",
    per_fund=False,
    open_rows=10,
    intake=Intake(
        used_for_zh="与上期未划转数和账上利息核对；留存备查，不记账",
        used_for_en="compared with the return before and the interest in the books; kept, nothing is booked from it",
        held_against=("last_held_fen", "ledger_interest_fen"),
    ),
)
