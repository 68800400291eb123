"""Which city and month a command is about when it names none: only what cannot be mistaken."""

from datetime import datetime

from fundpool.domain.errors import InputError
from fundpool.domain.periods import Month
from fundpool.services.month.daily import live_cities
from fundpool.services.month.turns import waiting_months
from fundpool.services.oversight.status import months_with_data
from fundpool.services.ports.work import MonthPorts


def the_city(ports: MonthPorts) -> str:
    """The one city that runs here. Raises InputError ``city_missing`` where several do."""
    cities = live_cities(ports)
    if len(cities) == 1:
        return cities[0]
    raise InputError(
        "city_missing",
        f"此处运行 {len(cities)} 个统筹区，须指明城市",
        f"{len(cities)} cities run here: name one",
        remedy=f"--city {' | '.join(cities)}",
    )


def the_month(ports: MonthPorts, city: str, *, decides: bool, now: datetime) -> Month:
    """The month of the most urgent turn; where nothing waits, the last one that anything was filed for.

    For an act that ``decides`` something or moves money, only the one open month. Raises InputError
    ``month_missing`` otherwise.
    """
    months = waiting_months(ports, city, now)
    if len(months) == 1 or (months and not decides):
        return months[0]
    known = () if decides else months_with_data(ports, city)
    if known:
        return max(known)
    listed = " | ".join(map(str, sorted(months)))
    if months:
        zh, en = f"有 {len(months)} 个月在办，须指明月份", f"{len(months)} months are open: name one"
    else:
        zh, en = "没有在办的月份，须指明月份", "no month is open: name one"
    raise InputError("month_missing", zh, en, remedy=f"--month {listed or 'YYYY-MM'}；fundpool next")
