"""用款计划申请表: what a county asks for next month, by fund and item."""

from schemas.documents.base import ITEMS, LAST_YEAR, NIL_BY_LAW, DocumentField, DocumentType, Intake, Sum

ITEM_KEYS = tuple(f"{key}_fen" for key, _, _ in ITEMS)

PLAN = DocumentType(
    key="plan",
    zh="用款计划申请表",
    en="fund-use plan",
    month_zh="用款月份（下月）",
    month_en="the month the money is for",
    columns=(
        *(
            DocumentField(
                f"{key}_fen",
                zh,
                f"planned {en}",
                (f"{zh}计划支出", f"{zh}支出", f"{zh}费用"),
                nil_for_fund=NIL_BY_LAW.get(key),
            )
            for key, zh, en in ITEMS
        ),
        DocumentField(
            "planned_fen",
            "计划支出",
            "planned spending",
            ("计划支出合计", "支出合计", "本月计划支出"),
            follows_from=Sum(
                ITEM_KEYS, title_zh="分项相加等于计划支出", title_en="items add up to planned spending"
            ),
        ),
        DocumentField(
            "available_fen", "可用余额", "balance available", ("支出户可用余额", "支出户余额", "账户可用余额")
        ),
        DocumentField(
            "requested_fen",
            "申请额",
            "requested",
            ("申请金额", "申请拨付额", "申请用款额", "本次申请额"),
            follows_from=Sum(
                ("planned_fen",),
                ("available_fen",),
                at_least_nil=True,
                title_zh="申请额等于计划支出减可用余额",
                title_en="requested = planned − available",
            ),
        ),
        LAST_YEAR,
    ),
    total_field="requested_fen",
    intake=Intake(
        used_for_zh="审核核定后列入向财政的用款申请",
        used_for_en="reviewed, it goes into the city's application for funds",
        needs_people=True,
        may_be_cut=True,
        duty="submit_fund_use_plan",
        goes_on_with="apply_for_funds",
        held_against=("budget_left_fen", "recent_monthly_spending_fen"),
    ),
)
