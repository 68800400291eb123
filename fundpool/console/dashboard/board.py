"""The month's board: counties × duties, and the few figures a leader asks for.

Counts and sorts what the month's status says; decides nothing by itself.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from fundpool.console.dashboard.labels import ALARMING_STATES, PAID_STATES
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.timeliness import DONE, DutyState
from fundpool.services.oversight.progress import PLAN_DUTY
from schemas.dashboard import DutyStatus, FundMoney, MonthStatus, TransferStatus

CHASED_STATES = frozenset({DutyState.OVERDUE, DutyState.RETURNED})
"""What somebody has to be reminded of."""


class Show(StrEnum):
    """Which units the matrix lists."""

    ALL = "all"
    OPEN = "open"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Column:
    """One duty of the counties, as a column."""

    duty: str
    actor: str
    dates: DutyStatus
    """The duty whose dates and article stand in the head."""
    done: int
    total: int
    left: int | None
    """Days until the first county's last working day to act, negative after; None when nothing is open or dated."""
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class Part:
    """One duty in a cell with the payments that fulfil it; ``duty`` None: payments that no duty stands for."""

    duty: DutyStatus | None
    transfers: tuple[TransferStatus, ...] = ()

    @property
    def amounts(self) -> tuple[tuple[str, int], ...]:
        """What is in each state, the alarming ones first and what is paid last: a state's amount is its own."""
        by_state: dict[str, int] = {}
        for transfer in sorted(self.transfers, key=_rank):
            by_state[transfer.shown_state] = by_state.get(transfer.shown_state, 0) + transfer.amount_fen
        return tuple(by_state.items())


def _rank(transfer: TransferStatus) -> int:
    state = transfer.shown_state
    return 0 if state in ALARMING_STATES else 2 if state in PAID_STATES else 1


@dataclass(frozen=True, slots=True)
class Cell:
    """One unit's part in one duty; empty where the unit has none."""

    parts: tuple[Part, ...] = ()

    def look(self, today: date) -> tuple[object, ...]:
        """Cells with the same look are drawn alike: of 320 counties most are."""
        return tuple(
            (
                part.duty
                and (
                    part.duty.state,
                    part.duty.days_late,
                    part.duty.done_at and part.duty.done_at.date(),
                    part.duty.last_day,
                    part.duty.extended_until,
                    part.duty.waiting_for,
                    part.duty.application,
                    part.duty.due is None,
                ),
                part.amounts,
            )
            for part in self.parts
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One county."""

    unit: str
    cells: tuple[Cell, ...]

    @property
    def duties(self) -> tuple[DutyStatus, ...]:
        return tuple(part.duty for cell in self.cells for part in cell.parts if part.duty is not None)

    def is_shown(self, show: Show) -> bool:
        states = {duty.state for duty in self.duties}
        if show is Show.OPEN:
            return not states <= DONE
        if show is Show.LATE:
            return bool(states & (CHASED_STATES | {DutyState.DONE_LATE}))
        return True


@dataclass(frozen=True, slots=True)
class CityDuty:
    """A duty of the city alone, with the payments that fulfil it."""

    duty: str
    cell: Cell


@dataclass(frozen=True, slots=True)
class Chase:
    """Units that are equally late with the same duty, shown to a leader as one line."""

    duty: str
    state: DutyState
    days_late: int | None
    duties: tuple[DutyStatus, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """Everything the first page shows."""

    status: MonthStatus
    today: date
    city: tuple[CityDuty, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    alarms: tuple[TransferStatus, ...]
    """Transfers whose outcome a person must settle."""
    overdue: tuple[DutyStatus, ...]
    returned: tuple[DutyStatus, ...]
    late: tuple[DutyStatus, ...]
    chased: tuple[Chase, ...]
    """What is overdue, went back or came late, in that order, the longest first."""
    done: int
    fallen_due: int
    """Duties that are done or should be by the end of today: what is done is counted against these alone."""
    not_due: int
    today_due: int
    """Open duties whose last working day to act is today."""
    day_over: int
    """Open duties whose last working day is over while the nominal day is still to come."""
    waiting: tuple[tuple[str, int], ...]
    """Whose turn it is: how many duties that are due soon, overdue or returned; of the review, how many cases."""
    money: tuple[FundMoney, ...]
    filed: int
    """Counties that have filed their plan or declared it nil, of ``counties`` that must."""
    counties: int

    @property
    def alarm_fen(self) -> int:
        return sum(transfer.amount_fen for transfer in self.alarms)


def build_board(
    status: MonthStatus,
    units: Sequence[str],
    duty_of_hop: Mapping[tuple[str, str], str],
    *,
    show: Show = Show.ALL,
    money: Sequence[FundMoney] = (),
    reviews: Mapping[str, int] | None = None,
) -> Board:
    """The board of a month.

    ``units`` are the codes of the register in its order; ``duty_of_hop`` says which duty a transfer
    between two kinds of account fulfils; ``reviews`` how many cases wait for each party of the review.
    """
    duties, today = status.duties, business_day(status.as_of)
    by_place: dict[tuple[str | None, str], list[DutyStatus]] = {}
    for duty in duties:
        by_place.setdefault((duty.unit, duty.key), []).append(duty)
    paid: dict[tuple[str | None, str], list[TransferStatus]] = {}
    listed = set(units)
    for transfer in status.transfers:
        key = duty_of_hop.get((transfer.from_type or "", transfer.to_type or ""))
        if key is not None:
            # The city's own accounts are no county's: their payments stand with the city's duties.
            unit = transfer.unit if transfer.unit in listed else None
            paid.setdefault((unit, key), []).append(transfer)

    def cell(unit: str | None, key: str) -> Cell:
        return _cell(by_place.get((unit, key), []), paid.get((unit, key), []))

    keys = _keys_in_order(duties)
    of_counties = [
        key for key in keys if any(k == key and unit is not None for unit, k in (*by_place, *paid))
    ]
    of_city = [key for key in keys if any((None, key) in found for found in (by_place, paid))]
    rows = tuple(
        Row(unit, tuple(cell(unit, key) for key in of_counties)) for unit in _row_units(units, duties)
    )
    plans = [duty for duty in duties if duty.key == PLAN_DUTY]
    pressing = [duty.days_left(today) for duty in duties if duty.state not in CHASED_STATES]
    due_now = sum(left is not None and left <= 0 for left in pressing)
    fallen_due = due_now + sum(duty.state in DONE | CHASED_STATES for duty in duties)
    return Board(
        status=status,
        today=today,
        city=tuple(CityDuty(key, cell(None, key)) for key in of_city),
        columns=tuple(_column(key, duties, today) for key in of_counties),
        rows=tuple(row for row in rows if row.is_shown(show)),
        alarms=tuple(transfer for transfer in status.transfers if transfer.shown_state in ALARMING_STATES),
        overdue=_worst_first(duties, DutyState.OVERDUE),
        returned=_worst_first(duties, DutyState.RETURNED),
        late=_worst_first(duties, DutyState.DONE_LATE),
        chased=_chased(duties),
        done=sum(duty.state in DONE for duty in duties),
        fallen_due=fallen_due,
        not_due=len(duties) - fallen_due,
        today_due=sum(left == 0 for left in pressing),
        day_over=sum(left is not None and left < 0 for left in pressing),
        waiting=_waiting(duties, reviews or {}),
        money=tuple(money),
        filed=sum(duty.state in DONE for duty in plans),
        counties=len(plans),
    )


def _cell(duties: Sequence[DutyStatus], transfers: Sequence[TransferStatus]) -> Cell:
    """Each duty with its own payments: a supplementary one with those of its application, the first with the rest."""
    if not transfers:
        return Cell(tuple(Part(duty) for duty in duties))
    own = {duty.application for duty in duties if duty.application is not None}
    rest = tuple(transfer for transfer in transfers if transfer.application not in own)
    parts = tuple(
        Part(
            duty,
            rest
            if duty.application is None
            else tuple(each for each in transfers if each.application == duty.application),
        )
        for duty in duties
    )
    return Cell(parts) if parts else Cell((Part(None, tuple(transfers)),))


def business_day(moment: datetime) -> date:
    """The day of ``moment`` in Shanghai."""
    return moment.astimezone(SHANGHAI).date()


SHOWN_IN_MATRIX = frozenset({"overdue", "missing", "late", "extended", "nil"})
"""Kinds of flag that a cell of the matrix already says."""


def _keys_in_order(duties: Iterable[DutyStatus]) -> list[str]:
    """Keys of the duties by due date; equal and missing dates keep the order of the policy file."""
    first_due: dict[str, date] = {}
    for duty in duties:
        first_due.setdefault(duty.key, duty.due or date.max)
    ordered = list(first_due)
    dated = iter(sorted((key for key in ordered if first_due[key] != date.max), key=first_due.__getitem__))
    # A duty without a date stays where the policy lists it: it belongs between its neighbours.
    return [key if first_due[key] == date.max else next(dated) for key in ordered]


def _row_units(units: Sequence[str], duties: Iterable[DutyStatus]) -> list[str]:
    named = {duty.unit for duty in duties if duty.unit is not None}
    return [*(unit for unit in units if unit in named), *sorted(named - set(units))]


def _column(key: str, duties: Iterable[DutyStatus], today: date) -> Column:
    of_key = [duty for duty in duties if duty.key == key]
    own = [duty for duty in of_key if duty.unit is not None] or of_key
    left = [days for duty in own if (days := duty.days_left(today)) is not None]
    return Column(
        duty=key,
        actor=own[0].actor,
        dates=next((duty for duty in own if duty.extended_until is None), own[0]),
        done=sum(duty.state in DONE for duty in own),
        total=len(own),
        left=min(left, default=None),
        is_overdue=any(duty.state in CHASED_STATES for duty in own),
    )


def _worst_first(duties: Iterable[DutyStatus], state: DutyState) -> tuple[DutyStatus, ...]:
    chosen = [duty for duty in duties if duty.state == state]
    return tuple(sorted(chosen, key=lambda duty: -(duty.days_late or 0)))


def _chased(duties: Iterable[DutyStatus]) -> tuple[Chase, ...]:
    groups: dict[tuple[str, DutyState, int | None], list[DutyStatus]] = {}
    for state in (DutyState.OVERDUE, DutyState.RETURNED, DutyState.DONE_LATE):
        for duty in _worst_first(duties, state):
            groups.setdefault((duty.key, duty.state, duty.days_late), []).append(duty)
    return tuple(Chase(*key, tuple(own)) for key, own in groups.items())


def _waiting(duties: Iterable[DutyStatus], reviews: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    open_states = CHASED_STATES | {DutyState.DUE_SOON, DutyState.EXTENDED}
    turns = Counter(duty.waiting_for for duty in duties if duty.waiting_for and duty.state in open_states)
    # The city's duty waits for the review as a whole; what the reviewer has before them are cases.
    return tuple(Counter({**turns, **reviews}).most_common())
