"""Entering what the books, the bank's answers and its statements say differently into the register of breaks."""

from datetime import datetime

from fundpool.domain.people import SYSTEM
from fundpool.domain.transfer import BankAccount, Obligation
from fundpool.services.payments import kill_switches
from fundpool.services.ports.money_ports import Break
from fundpool.services.ports.work import Work


def report_break(
    work: Work,
    about: Obligation | BankAccount | None,
    *,
    kind: str,
    reference: str,
    zh: str,
    en: str,
    stops_fund: bool,
    now: datetime,
) -> bool:
    """Enter a break, once for its kind and reference; False when the register has it already.

    ``about`` says which fund it concerns; None (an account that is not ours) concerns none. A grave one
    stops the fund in the same transaction, with its words as the reason.
    """
    city, fund = (about.city, about.fund) if about is not None else ("", "")
    found = Break(
        id=0,
        kind=kind,
        reference=reference,
        city=city,
        fund=fund,
        detail_zh=zh,
        detail_en=en,
        stops_fund=stops_fund,
        found_at=now,
    )
    is_new = work.breaks.add(found)
    if is_new and stops_fund and about is not None:
        kill_switches.stop_fund(work, city, fund, reason=f"{zh} / {en}", by=SYSTEM, now=now)
    return is_new
