"""基金预算表 and 基金决算表: income, spending and balance of a fund year."""

from schemas.documents.base import DocumentField, DocumentType, Intake, Sum

INCOME = (
    DocumentField("contributions_fen", "保险费收入", "contributions", ("保费收入", "征缴收入")),
    DocumentField("subsidies_fen", "财政补贴收入", "fiscal subsidies", ("财政补助收入", "财政补贴")),
    DocumentField("interest_fen", "利息收入", "interest", ("利息",)),
    DocumentField("transferred_in_fen", "转移收入", "transferred in"),
    DocumentField("from_above_fen", "上级补助收入", "subsidies from above", ("上级补助",)),
    DocumentField("other_income_fen", "其他收入", "other income"),
)
SPENDING = (
    DocumentField("benefits_fen", "待遇支出", "benefits", ("医疗保险待遇支出", "待遇支出合计")),
    DocumentField("transferred_out_fen", "转移支出", "transferred out"),
    DocumentField("remitted_fen", "上解上级支出", "remitted upwards", ("上解支出", "上解")),
    DocumentField("other_spending_fen", "其他支出", "other spending"),
)
ACCOUNT = (
    *INCOME,
    DocumentField(
        "income_fen",
        "收入合计",
        "income",
        ("本年收入", "收入"),
        follows_from=Sum(
            tuple(f.key for f in INCOME),
            title_zh="收入分项相加等于收入合计",
            title_en="items of income add up",
        ),
    ),
    *SPENDING,
    DocumentField(
        "spending_fen",
        "支出合计",
        "spending",
        ("本年支出", "支出"),
        follows_from=Sum(
            tuple(f.key for f in SPENDING),
            title_zh="支出分项相加等于支出合计",
            title_en="items of spending add up",
        ),
    ),
    DocumentField(
        "surplus_fen",
        "本年收支结余",
        "surplus of the year",
        ("当年结余", "本年结余"),
        follows_from=Sum(
            ("income_fen",),
            ("spending_fen",),
            title_zh="收入减支出等于本年结余",
            title_en="income − spending = surplus",
        ),
        may_be_negative=True,
    ),
    DocumentField("opening_fen", "年初结余", "balance brought forward", ("上年结余", "上年末滚存结余")),
    DocumentField(
        "closing_fen",
        "年末滚存结余",
        "balance carried forward",
        ("滚存结余", "年末结余"),
        follows_from=Sum(
            ("opening_fen", "surplus_fen"),
            title_zh="年初加本年结余等于年末",
            title_en="brought forward + surplus = carried forward",
        ),
        may_be_negative=True,
    ),
)

ANNUAL_BUDGET = DocumentType(
    key="annual-budget",
    zh="基金收支预算表",
    en="annual budget",
    month_zh="预算年度",
    month_en="the budget year",
    period="year",
    columns=(
        *ACCOUNT,
        DocumentField("last_year_income_fen", "上年预计收入", "last year's income", ("上年收入",)),
        DocumentField("last_year_spending_fen", "上年预计支出", "last year's spending", ("上年支出",)),
    ),
    total_field="spending_fen",
    intake=Intake(
        used_for_zh="两人审核后登记为年度支出预算，用款计划据此核对；再报为预算调整",
        used_for_en="decided by two people, it becomes the budget that plans are held against; a later one adjusts it",
        needs_people=True,
        effect="budget",
        held_against=("year_budget_fen", "year_granted_fen", "last_year_closing_fen"),
    ),
)

FINAL_ACCOUNT = DocumentType(
    key="final-account",
    zh="基金收支决算表",
    en="final account",
    month_zh="决算年度",
    month_en="the year of the account",
    period="year",
    columns=(
        *ACCOUNT,
        DocumentField("budget_income_fen", "预算收入", "budgeted income", ("收入预算", "收入预算数")),
        DocumentField("budget_spending_fen", "预算支出", "budgeted spending", ("支出预算", "支出预算数")),
    ),
    total_field="spending_fen",
    intake=Intake(
        used_for_zh="与预算、全年核算报表和上年决算核对；留存备查，不记账",
        used_for_en="compared with the budget, the year's reports and the account before; kept, nothing is booked from it",
        held_against=("year_budget_fen", "year_spending_fen", "last_year_closing_fen", "planned_income_fen"),
    ),
)
