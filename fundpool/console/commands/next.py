"""``fundpool next``: whose turn it is, why, and the exact command."""

from fundpool.console.language import one_language
from fundpool.console.options import AnyCity, AnyMonthText, Dated
from fundpool.console.output import Columns, Table
from fundpool.domain.periods import parse_month
from schemas.dashboard import Turn

TURNS = {
    "county_agency": "县区 / county",
    "reviewer": "初审 / reviewer",
    "checker": "复核 / checker",
    "city_finance": "财政 / finance",
    "approver": "拨付复核 / approver",
    "releaser": "放行 / releaser",
    "operator": "操作员 / operator",
    "bank": "银行 / bank",
    "clock": "自动 / clock",
}

COLUMNS: Columns = {
    "最迟 / act by": lambda turn: turn.act_by or turn.due,
    "迟 / late": "days_late",
    "谁 / whose turn": lambda turn: one_language(TURNS[turn.turn]),
    "单位 / unit": "unit_name_zh",
    "事项 / why": "why_zh",
    "依据 / basis": lambda turn: turn.basis and turn.basis.section,
    "命令 / command": "command",
}


def next_(*, city: AnyCity = None, month: AnyMonthText = None, options: Dated = Dated()) -> int:
    """轮到谁、为什么、用什么命令 / Whose turn it is, why, and the exact command; the most urgent first.

    退出码：0 没有事在等人办，1 有。等银行或每日调度的也列出。 / Exit status 0 nothing waits for a person, 1 something does. What waits for the bank or the daily clock is listed too.
    """
    from fundpool.services.month.daily import live_cities
    from fundpool.services.month.turns import turns

    ports = options.open_month()
    cities = live_cities(ports, None if city is None else [city])
    found = turns(ports, cities, month=None if month is None else parse_month(month), now=options.now)
    return options.show(
        {
            "cities": list(cities),
            "as_of": options.now,
            "turns": [turn.model_dump(mode="json") for turn in found],
        },
        turns_table("轮到谁 / next", found) if found else "现在没有要办的 / nothing waits now",
        found=any(turn.waits_for_person for turn in found),
    )


def turns_table(title: str, turns: "tuple[Turn, ...]") -> Table:
    """The turns with their commands."""
    return Table(title, turns, COLUMNS)
