"""The leader's page: one sheet, and the league table to take along."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi import Request, Response

from fundpool.adapters.documents.league_tables import league_csv, league_workbook
from fundpool.console.dashboard.door import Route
from fundpool.console.dashboard.labels import N_
from fundpool.console.dashboard.reading import MonthReader
from fundpool.domain.errors import InputError
from fundpool.domain.forecast import RATE_MONTHS, Prospect
from fundpool.domain.periods import FIRST_YEAR, LAST_YEAR, Month
from fundpool.domain.rights import Right
from fundpool.domain.risk import Measure
from fundpool.services.oversight.punctuality import LateDuty, League, twelve_months

if TYPE_CHECKING:
    from fundpool.console.dashboard.app import Place

MEASURES: Mapping[str, str] = {
    Measure.SURPLUS_RATIO: N_("Surplus ratio of the year"),
    Measure.MONTHS_OF_COVERAGE: N_("Months of benefits covered"),
}

COMPARISONS: Mapping[str, str] = {
    "below": N_("alarm below %(line)s"),
    "at_most": N_("alarm at %(line)s or less"),
    "above": N_("alarm above %(line)s"),
    "at_least": N_("alarm at %(line)s or more"),
}

PROSPECTS: Mapping[str, str] = {
    Prospect.TOO_FEW_MONTHS: N_("too few closed months to say"),
    Prospect.NO_VALUE: N_("no value: nothing to divide by"),
    Prospect.CROSSED: N_("crossed already"),
    Prospect.NOT_IN_SIGHT: N_("not in sight at this rate"),
}

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class LateGroup:
    """Units that are late with one duty of one month, and whose turn it is."""

    month: str
    duty: str
    waiting_for: str | None
    units: tuple[LateDuty, ...]

    @property
    def days_late(self) -> int:
        """Of the one that is late the longest."""
        return max(unit.days_late for unit in self.units)


def late_groups(late: Sequence[LateDuty]) -> list[LateGroup]:
    """Late duties as a leader hears them: by duty and month, the longest first."""
    groups: dict[tuple[str, str, str | None], list[LateDuty]] = {}
    for each in late:
        groups.setdefault((each.month, each.duty, each.waiting_for), []).append(each)
    return [LateGroup(*place, units=tuple(units)) for place, units in groups.items()]


def percent(value: Fraction | None) -> str:
    """``97.5%``, cut off and not rounded: what is below a line never reads as on it; – when not known."""
    return "–" if value is None else f"{_cut(value * 100, 1)}%"


def points(value: Fraction | None) -> str:
    """A difference of two shares in percentage points, with its sign."""
    if value is None:
        return "–"
    return f"{'+' if value >= 0 else ''}{_cut(value * 100, 1)}"


def measured(value: Fraction | None, measure: str) -> str:
    """A ratio in percent, coverage as a number of months with two decimals; – when not known."""
    if measure == Measure.SURPLUS_RATIO:
        return percent(value)
    return "–" if value is None else _cut(value, 2)


def line_text(value: Fraction, measure: str) -> str:
    """A warning line as the document writes it: 5%, 6."""
    scaled = value * 100 if measure == Measure.SURPLUS_RATIO else value
    text = str(scaled.numerator) if scaled.denominator == 1 else _cut(scaled, 2)
    return f"{text}%" if measure == Measure.SURPLUS_RATIO else text


def _cut(value: Fraction, digits: int) -> str:
    scale = 10**digits
    whole = value.numerator * scale // value.denominator
    sign, size = ("-" if whole < 0 else ""), abs(whole)
    return f"{sign}{size // scale}.{size % scale:0{digits}d}"


class LeaderPages:
    """Handlers of the leader's page; ``place`` and ``page`` are those of the dashboard."""

    def __init__(
        self,
        reader: MonthReader,
        *,
        place: "Callable[[Request], Place]",
        page: Callable[..., Response],
        notice: Callable[[], str | None],
    ) -> None:
        self._reader, self._place, self._page, self._notice = reader, place, page, notice

    def routes(self) -> tuple[Route, ...]:
        """The page and what can be taken along."""
        return (
            Route("/leader", Right.READ_CITY, self.leader),
            Route("/leader/league.xlsx", Right.READ_CITY, self.league_workbook),
            Route("/leader/league.csv", Right.READ_CITY, self.league_csv),
        )

    def leader(self, request: Request) -> Response:
        """Late, unpaid, safe, on budget, punctual."""
        place = self._place(request)
        view = self._reader.leader(place.city.key, place.month, place.moment)
        return self._page(
            request,
            "leader.html",
            place,
            view=view,
            late=late_groups(view.late),
            alarmed=[
                fund for fund in view.safety if fund.city.standing is not None and fund.city.standing.alarms
            ],
            unjudged=[fund for fund in view.safety if fund.city.standing is None or not fund.lines],
            names=(MEASURES, COMPARISONS, PROSPECTS),
            shown=(percent, points, measured, line_text),
            rate_months=RATE_MONTHS,
            full=Fraction(1),
        )

    def league_workbook(self, request: Request) -> Response:
        """The league as a workbook: of the fund year in ``year``, else of the twelve months to the month shown."""
        place, league = self._league(request)
        content = league_workbook(place.city, league, notice=self._notice())
        return _attachment(content, _XLSX, f"{_file_name(place, league)}.xlsx")

    def league_csv(self, request: Request) -> Response:
        """The same as CSV."""
        place, league = self._league(request)
        content = league_csv(place.city, league)
        return _attachment(content, "text/csv; charset=utf-8", f"{_file_name(place, league)}.csv")

    def _league(self, request: Request) -> "tuple[Place, League]":
        place = self._place(request)
        text = request.query_params.get("year")
        first, last = twelve_months(place.month), place.month
        if text is not None:
            is_year = len(text) == 4 and text.isascii() and text.isdigit()
            if not is_year or not FIRST_YEAR <= int(text) <= LAST_YEAR:
                raise InputError(
                    "unknown_year",
                    f"“{text}”不是年度",
                    f"“{text}” is not a year",
                    remedy="年度写作 2026 / write a year as 2026",
                )
            first, last = Month(int(text), 1), Month(int(text), 12)
        return place, self._reader.league(place.city.key, first, last, moment=place.moment)


def _file_name(place: "Place", league: League) -> str:
    return f"league-{place.city.key}-{league.months[0]}-{league.months[-1]}"


def _attachment(content: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    return Response(content, media_type=media_type, headers=headers)
