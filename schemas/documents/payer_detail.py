"""缴款单位明细表: the payers behind a county's contribution transfer, line by line."""

from schemas.documents.base import DocumentField, DocumentType, FieldKind, Intake, Sum

PAYER_DETAIL = DocumentType(
    key="payer-detail",
    zh="缴款单位明细表",
    en="payer detail list",
    month_zh="征缴月份",
    month_en="the collection month",
    columns=(
        DocumentField(
            "credit_code",
            "统一社会信用代码",
            "unified social credit code",
            ("信用代码", "单位代码"),
            kind=FieldKind.CODE,
        ),
        DocumentField(
            "payer_name", "缴款单位", "payer", ("单位名称", "缴款单位名称", "缴费单位"), kind=FieldKind.TEXT
        ),
        DocumentField(
            "insured_persons", "参保人数", "insured persons", ("缴费人数", "人数"), kind=FieldKind.COUNT
        ),
        DocumentField("base_fen", "缴费基数", "contribution base", ("缴费基数合计", "缴费工资")),
        DocumentField("employer_fen", "单位缴费", "employer's share", ("单位缴纳", "单位应缴")),
        DocumentField("personal_fen", "个人缴费", "employees' share", ("个人缴纳", "个人应缴")),
        DocumentField(
            "interest_fen", "滞纳金及利息", "late fees and interest", ("滞纳金", "利息"), is_optional=True
        ),
        DocumentField(
            "paid_fen",
            "缴款合计",
            "paid",
            ("实缴合计", "缴费合计", "缴款金额"),
            follows_from=Sum(
                ("employer_fen", "personal_fen", "interest_fen"),
                optional=("interest_fen",),
                title_zh="单位与个人缴费相加等于缴款合计",
                title_en="shares add up to what was paid",
            ),
        ),
        DocumentField("paid_on", "缴款日期", "paid on", ("到账日期", "入库日期"), kind=FieldKind.DAY),
        DocumentField(
            "voucher", "凭证号", "voucher number", ("缴款书号", "税票号码", "电子税票号"), kind=FieldKind.CODE
        ),
    ),
    row_key=("county_code", "fund", "voucher"),
    total_field="paid_fen",
    per_fund=False,
    intake=Intake(
        used_for_zh="与收入户入账核对；留存备查，不记账",
        used_for_en="compared with what the income account received; kept, nothing is booked from it",
        held_against=("ledger_income_fen",),
    ),
)
