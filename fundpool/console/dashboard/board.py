"""The month's board: counties × duties, and the few figures a leader asks for.

Counts and sorts what the month's status says; decides nothing by itself.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from fundpool.console.dashboard.labels import ALARMING_STATES, FLAG_KINDS, PAID_STATES
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.timeliness import DONE, DutyState
from schemas.dashboard import DutyStatus, Flag, FundMoney, MonthStatus, TransferStatus

CHASED_STATES = frozenset({DutyState.OVERDUE, DutyState.RETURNED})
"""What somebody has to be reminded of."""


class Show(StrEnum):
    """Which units the matrix lists."""

    ALL = "all"
    OPEN = "open"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Column:
    """One duty of the month, as a column."""

    duty: str
    actor: str
    dates: DutyStatus
    """The duty whose dates and article stand in the head."""
    done: int
    total: int
    chased: int

    def days_left(self, today: date) -> int | None:
        """Days until it is due, negative after; None when it has no date or nothing is open."""
        if self.dates.due is None or self.done == self.total:
            return None
        return (self.dates.due - today).days


@dataclass(frozen=True, slots=True)
class Cell:
    """One unit's part in one duty; empty where the unit has none."""

    duties: tuple[DutyStatus, ...] = ()
    transfers: tuple[TransferStatus, ...] = ()

    @property
    def amount_fen(self) -> int:
        return sum(transfer.amount_fen for transfer in self.transfers)

    @property
    def transfer_state(self) -> str:
        """The state that stands for all: an alarming one first, else the least advanced."""
        states = [transfer.shown_state for transfer in self.transfers]
        alarming = [state for state in states if state in ALARMING_STATES]
        unpaid = [state for state in states if state not in PAID_STATES]
        return (alarming or unpaid or states)[0]


@dataclass(frozen=True, slots=True)
class Row:
    """One unit; ``unit`` None is the city level."""

    unit: str | None
    cells: tuple[Cell, ...]

    @property
    def duties(self) -> tuple[DutyStatus, ...]:
        return tuple(duty for cell in self.cells for duty in cell.duties)

    def is_shown(self, show: Show) -> bool:
        states = {duty.state for duty in self.duties}
        if show is Show.OPEN:
            return not states <= DONE
        if show is Show.LATE:
            return bool(states & (CHASED_STATES | {DutyState.DONE_LATE}))
        return True


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
    """Duties that are done or should be: what is done is counted against these alone."""
    not_due: int
    waiting: tuple[tuple[str, int], ...]
    """Whose turn it is, and for how many duties that are due soon, overdue or returned."""
    money: tuple[FundMoney, ...]

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
) -> Board:
    """The board of a month.

    ``units`` are the codes of the register in its order; ``duty_of_hop`` says which duty a transfer
    between two kinds of account fulfils.
    """
    keys = _keys_in_order(status.duties)
    rows = tuple(
        _row(unit, keys, status, units=units, duty_of_hop=duty_of_hop) for unit in _row_units(units, status)
    )
    duties = status.duties
    return Board(
        status=status,
        today=business_day(status.as_of),
        columns=tuple(_column(key, duties) for key in keys),
        rows=tuple(row for row in rows if row.is_shown(show)),
        alarms=tuple(transfer for transfer in status.transfers if transfer.shown_state in ALARMING_STATES),
        overdue=_worst_first(duties, DutyState.OVERDUE),
        returned=_worst_first(duties, DutyState.RETURNED),
        late=_worst_first(duties, DutyState.DONE_LATE),
        chased=_chased(duties),
        done=sum(duty.state in DONE for duty in duties),
        fallen_due=sum(duty.state in DONE | CHASED_STATES for duty in duties),
        not_due=sum(duty.state not in DONE | CHASED_STATES for duty in duties),
        waiting=_waiting(duties),
        money=tuple(money),
    )


def business_day(moment: datetime) -> date:
    """The day of ``moment`` in Shanghai."""
    return moment.astimezone(SHANGHAI).date()


SHOWN_IN_MATRIX = frozenset({"overdue", "missing", "late", "extended", "nil"})
"""Kinds of flag that a cell of the matrix already says."""


def flags_worst_first(flags: Iterable[Flag]) -> list[Flag]:
    """Flags in the order a leader wants to hear them: money first, then who is late, then the rest."""
    order = {kind: place for place, kind in enumerate(FLAG_KINDS)}
    return sorted(flags, key=lambda flag: (order.get(flag.kind, -1), -(flag.days or 0), flag.unit or ""))


def _keys_in_order(duties: Iterable[DutyStatus]) -> list[str]:
    """Keys of the duties by due date; equal and missing dates keep the order of the policy file."""
    first_due: dict[str, date] = {}
    for duty in duties:
        first_due.setdefault(duty.key, duty.due or date.max)
    ordered = list(first_due)
    dated = iter(sorted((key for key in ordered if first_due[key] != date.max), key=first_due.__getitem__))
    # A duty without a date stays where the policy lists it: it belongs between its neighbours.
    return [key if first_due[key] == date.max else next(dated) for key in ordered]


def _row_units(units: Sequence[str], status: MonthStatus) -> list[str | None]:
    named = {duty.unit for duty in status.duties}
    city: list[str | None] = [None] if None in named else []
    unlisted = sorted(unit for unit in named if unit is not None and unit not in units)
    return [*city, *(unit for unit in units if unit in named), *unlisted]


def _duty_paid(transfer: TransferStatus, duty_of_hop: Mapping[tuple[str, str], str]) -> str | None:
    return duty_of_hop.get((transfer.from_type or "", transfer.to_type or ""))


def _falls_on(transfer: TransferStatus, unit: str | None, units: Sequence[str]) -> bool:
    """Whether the row of ``unit`` shows the transfer; the city's own accounts belong to its row."""
    return transfer.unit == unit or (unit is None and transfer.unit not in units)


def _row(
    unit: str | None,
    keys: Sequence[str],
    status: MonthStatus,
    *,
    units: Sequence[str],
    duty_of_hop: Mapping[tuple[str, str], str],
) -> Row:
    cells = tuple(
        Cell(
            duties=tuple(duty for duty in status.duties if duty.unit == unit and duty.key == key),
            transfers=tuple(
                transfer
                for transfer in status.transfers
                if _duty_paid(transfer, duty_of_hop) == key and _falls_on(transfer, unit, units)
            ),
        )
        for key in keys
    )
    return Row(unit, cells)


def _column(key: str, duties: Iterable[DutyStatus]) -> Column:
    own = [duty for duty in duties if duty.key == key]
    return Column(
        duty=key,
        actor=own[0].actor,
        dates=own[0],
        done=sum(duty.state in DONE for duty in own),
        total=len(own),
        chased=sum(duty.state in CHASED_STATES for duty in own),
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


def _waiting(duties: Iterable[DutyStatus]) -> tuple[tuple[str, int], ...]:
    open_states = CHASED_STATES | {DutyState.DUE_SOON, DutyState.EXTENDED}
    turns = Counter(duty.waiting_for for duty in duties if duty.waiting_for and duty.state in open_states)
    return tuple(turns.most_common())
