"""银行对账单: the lines of an account's bank statement for a month, in the bank's order."""

from schemas.documents.base import UNIT_LABEL, DocumentField, DocumentType, FieldKind

STATEMENT = DocumentType(
    key="statement",
    zh="银行对账单",
    en="bank statement",
    month_zh="对账月份",
    month_en="the month of the statement",
    columns=(
        DocumentField("account", "账号", "account", ("本方账号", "账户账号"), kind=FieldKind.CODE),
        DocumentField("booked_on", "交易日期", "booked on", ("记账日期", "入账日期"), kind=FieldKind.DAY),
        DocumentField("serial", "流水号", "bank serial", ("交易流水号", "银行流水号"), kind=FieldKind.CODE),
        DocumentField(
            "debit_fen", "借方发生额", "debit (out)", ("支出金额", "借方", "付款金额"), is_optional=True
        ),
        DocumentField(
            "credit_fen", "贷方发生额", "credit (in)", ("收入金额", "贷方", "收款金额"), is_optional=True
        ),
        DocumentField("balance_fen", "余额", "balance", ("账户余额",), may_be_negative=True),
        DocumentField(
            "counterparty_account",
            "对方账号",
            "counterparty's account",
            ("对方账户",),
            kind=FieldKind.CODE,
            is_optional=True,
        ),
        DocumentField(
            "counterparty",
            "对方户名",
            "counterparty",
            ("对方名称", "对方单位"),
            kind=FieldKind.TEXT,
            is_optional=True,
        ),
        DocumentField("purpose", "摘要", "purpose", ("用途", "附言"), kind=FieldKind.TEXT, is_optional=True),
    ),
    row_key=("account", "serial"),
    total_field="credit_fen",
    per_fund=False,
    labels=(UNIT_LABEL,),
    taken_by="fundpool transfers statement --file FILE --account NO --from DAY --to DAY --by WHO",
)
