"""The way of one scheme's money of a month, hop by hop: what is ordered and what has arrived (fen)."""

from collections.abc import Sequence
from dataclasses import dataclass

from fundpool.domain.periods import Month
from fundpool.domain.transfer import MAY_BE_ORDERED_AGAIN, latest_revisions
from fundpool.services.ports.work import Work


@dataclass(frozen=True, slots=True)
class MoneyFlow:
    """What goes from a kind of account of the city to a unit's account."""

    from_type: str
    to_type: str
    unit: str
    ordered_fen: int
    arrived_fen: int


def money_flows(work: Work, city: str, month: Month, *, fund: str) -> Sequence[MoneyFlow]:
    """The payments that stand, summed by hop and unit, in order of the payments; what came back is not among them."""
    sums: dict[tuple[str, str, str], tuple[int, int]] = {}
    for payment in latest_revisions(work.payments.obligations(city=city, month=month, fund=fund)):
        if payment.state in MAY_BE_ORDERED_AGAIN:
            continue
        place = (payment.hop.from_type.value, payment.hop.to_type.value, payment.unit)
        ordered_fen, arrived_fen = sums.get(place, (0, 0))
        sums[place] = ordered_fen + payment.amount_fen, arrived_fen + payment.paid_fen
    return [
        MoneyFlow(*place, ordered_fen=ordered, arrived_fen=arrived)
        for place, (ordered, arrived) in sums.items()
    ]
