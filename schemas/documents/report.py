"""基金支出核算报表: what a county received and spent in a month, by fund and item."""

from schemas.documents.base import ITEMS, LAST_YEAR, NIL_BY_LAW, DocumentField, DocumentType, Intake, Sum

ITEM_KEYS = tuple(f"{key}_fen" for key, _, _ in ITEMS)
YEAR_ITEM_KEYS = tuple(f"year_{key}_fen" for key, _, _ in ITEMS)
LAST_ITEM_FACTS = tuple(f"last_cumulative_{key}" for key in ITEM_KEYS)
"""What an item had come to in the year by last month's report, by the order of the items."""

REPORT = DocumentType(
    key="report",
    zh="基金支出核算报表",
    en="expenditure report",
    month_zh="核算月份（上月）",
    month_en="the month reported on",
    columns=(
        DocumentField(
            "opening_fen",
            "期初余额",
            "opening balance",
            ("上月结余", "月初余额", "上期结余"),
            may_be_negative=True,
        ),
        DocumentField(
            "received_fen", "本月拨入", "received this month", ("拨入", "上级拨入", "拨入资金", "市级拨入")
        ),
        DocumentField("interest_fen", "利息收入", "interest", ("利息", "支出户利息")),
        DocumentField(
            "returned_fen", "退回", "payments returned", ("退回资金", "支出退回", "待遇退回", "退票退回")
        ),
        *(
            DocumentField(
                f"{key}_fen",
                f"{zh}（本月）",
                f"{en} this month",
                (f"{zh}本月", f"本月{zh}", f"{zh}支出（本月）"),
                nil_for_fund=NIL_BY_LAW.get(key),
            )
            for key, zh, en in ITEMS
        ),
        DocumentField(
            "spending_fen",
            "支出合计（本月）",
            "spending this month",
            ("本月支出", "本月支出合计", "支出（本月）"),
            follows_from=Sum(
                ITEM_KEYS,
                title_zh="本月分项相加等于支出合计",
                title_en="items add up to the month's spending",
            ),
        ),
        DocumentField("remitted_fen", "上解", "remitted upwards", ("上解支出", "上解资金")),
        DocumentField(
            "closing_fen",
            "期末余额",
            "closing balance",
            ("月末余额", "本月结余", "期末结余"),
            follows_from=Sum(
                ("opening_fen", "received_fen", "interest_fen", "returned_fen"),
                ("spending_fen", "remitted_fen"),
                title_zh="期初加收入减支出等于期末",
                title_en="opening + income − spending = closing",
            ),
            may_be_negative=True,
        ),
        *(
            DocumentField(
                f"year_{key}_fen",
                f"{zh}（累计）",
                f"{en}, year to date",
                (f"{zh}累计", f"累计{zh}", f"{zh}支出（累计）"),
                nil_for_fund=NIL_BY_LAW.get(key),
            )
            for key, zh, en in ITEMS
        ),
        DocumentField(
            "year_spending_fen",
            "支出合计（累计）",
            "spending, year to date",
            ("累计支出", "累计支出合计", "支出（累计）"),
            follows_from=Sum(
                YEAR_ITEM_KEYS,
                title_zh="累计分项相加等于累计合计",
                title_en="items add up to the year's spending",
            ),
        ),
        LAST_YEAR,
    ),
    total_field="spending_fen",
    intake=Intake(
        used_for_zh="收下后支出记账，列入汇总备案",
        used_for_en="accepted, its spending is booked and goes into the city's summary",
        duty="submit_expenditure_report",
        goes_on_with="file_expenditure_report",
        held_against=(
            "last_closing_fen",
            "ledger_received_fen",
            "last_cumulative_fen",
            *LAST_ITEM_FACTS,
            "recent_monthly_spending_fen",
        ),
    ),
)
