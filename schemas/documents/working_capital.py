"""周转金申请表: a county's application for working capital, from its average monthly payments."""

from schemas.documents.base import DocumentField, DocumentType, FieldKind, Intake, Sum

WORKING_CAPITAL = DocumentType(
    key="working-capital",
    zh="周转金申请表",
    en="working-capital application",
    month_zh="周转金年度",
    month_en="the year the working capital is for",
    period="year",
    columns=(
        DocumentField("months", "统计月数", "months counted", ("月数", "统计期月数"), kind=FieldKind.COUNT),
        DocumentField(
            "payments_fen", "统计期支付合计", "payments of those months", ("支付合计", "待遇支付合计")
        ),
        DocumentField("average_fen", "月均支付", "average monthly payment", ("月平均支付额", "月均支付额")),
        DocumentField("quota_fen", "核定周转金", "quota applied for", ("周转金额度", "周转金")),
        DocumentField(
            "held_fen", "已有周转金", "working capital already held", ("上年周转金", "未归还周转金")
        ),
        DocumentField(
            "requested_fen",
            "本次申请额",
            "requested",
            ("申请额", "申请金额"),
            follows_from=Sum(
                ("quota_fen",),
                ("held_fen",),
                at_least_nil=True,
                title_zh="申请额等于核定额减已有额",
                title_en="requested = quota − held",
            ),
        ),
    ),
    total_field="requested_fen",
    intake=Intake(
        used_for_zh="按政策核定周转金额度，两人审核；不自动拨付",
        used_for_en="held against the quota the policy gives, decided by two people; nothing is paid by itself",
        needs_people=True,
        may_be_cut=True,
        duty="apply_for_working_capital",
        goes_on_with="pay_working_capital",
        held_against=("quota_permille", "quota_months", "quota_payments_fen"),
    ),
)
