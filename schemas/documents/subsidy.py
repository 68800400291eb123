"""财政补助到位情况表: what each level of government owes the fund and has paid in."""

from schemas.documents.base import DocumentField, DocumentType, FieldKind, Intake, Sum

LEVELS = ("中央", "省级", "市级", "县级")

SUBSIDY = DocumentType(
    key="subsidy",
    zh="财政补助到位情况表",
    en="fiscal subsidies received",
    month_zh="到位月份",
    month_en="the month of receipt",
    columns=(
        DocumentField(
            "level",
            "财政级次",
            "level of government",
            ("补助级次", "级次"),
            kind=FieldKind.CHOICE,
            choices=LEVELS,
        ),
        DocumentField(
            "insured_persons", "参保人数", "insured persons", ("应补助人数", "人数"), kind=FieldKind.COUNT
        ),
        DocumentField("due_fen", "本年应到位", "due this year", ("应到位", "本年应补助")),
        DocumentField("arrived_fen", "本月到位", "received this month", ("到位", "本月实际到位")),
        DocumentField("year_arrived_fen", "累计到位", "received, year to date", ("本年累计到位",)),
        DocumentField(
            "arrears_fen",
            "未到位",
            "not yet received",
            ("欠拨", "应到位未到位"),
            follows_from=Sum(
                ("due_fen",),
                ("year_arrived_fen",),
                title_zh="未到位等于应到位减累计到位",
                title_en="not received = due − received",
            ),
            may_be_negative=True,
        ),
    ),
    row_key=("county_code", "fund", "level"),
    total_field="arrived_fen",
    per_fund=False,
    open_rows=12,
    intake=Intake(
        used_for_zh="与上月累计和账上补助收入核对；留存备查，不记账",
        used_for_en="compared with last month's return and the subsidies in the books; kept, nothing is booked from it",
        held_against=("last_arrived_fen", "ledger_subsidies_fen"),
    ),
)
