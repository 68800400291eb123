"""Stopping a fund's sending at once, and starting it again by two people."""

import json
from dataclasses import dataclass, replace
from datetime import datetime

from fundpool.domain.errors import RuleViolation
from fundpool.domain.people import person, require_other_person
from fundpool.domain.policy import CityPolicy, Fund
from fundpool.services.ports.latest_seals import name_of_switch
from fundpool.services.ports.money_ports import KillSwitch, Recovery
from fundpool.services.ports.work import Work


def is_stopped(work: Work, city: str, fund: str) -> bool:
    """Whether nothing of the fund may be sent.

    A switch that somebody changed in the database, put back or deleted counts as thrown.
    """
    switch = work.switches.kill_switch(city, fund)
    return (switch is not None and switch.is_stopped) or not _is_whole(work, city, fund, switch=switch)


def ever_stopped(work: Work) -> list[tuple[str, str]]:
    """City and fund of every switch that was ever thrown, deleted ones too."""
    names = work.latest.of_place("kill_switch", "")
    return [(city, fund) for city, fund in (json.loads(name.key) for name in names)]


def _is_whole(work: Work, city: str, fund: str, *, switch: KillSwitch | None) -> bool:
    """Whether the switch, or that there is none, is what the program wrote last."""
    name = name_of_switch(city, fund)
    latest = work.latest.of_rows([name]).get(name)
    if switch is None:
        return latest is None
    return latest == switch.seal and work.seals.hold(switch)


STOP_REMEDY = (
    "查清差异（fundpool transfers breaks）后由两人恢复：fundpool transfers restart / resolve what differs "
    "(fundpool transfers breaks), then two people start it: fundpool transfers restart"
)


@dataclass(frozen=True, slots=True)
class Stop:
    """A fund of which nothing is sent, and why."""

    fund: str
    message_zh: str
    message_en: str


def stops_of(work: Work, policy: CityPolicy) -> list[Stop]:
    """The city's funds of which nothing is sent, each with the breaks that stopped it, else the reason given."""
    stops = []
    for fund in policy.funds:
        if not is_stopped(work, policy.key, fund.key):
            continue
        why_zh, why_en = why_stopped(work, policy.key, fund.key)
        stops.append(stop_of(fund, why_zh, why_en))
    return stops


def stop_of(fund: Fund, why_zh: str, why_en: str) -> Stop:
    """The stop of a fund in words."""
    return Stop(
        fund.key,
        f"{fund.name_zh}基金已停发：{why_zh}",
        f"sending of the fund of the {fund.name_en} is stopped: {why_en}",
    )


def why_stopped(work: Work, city: str, fund: str) -> tuple[str, str]:
    """What stopped a fund, in Chinese and English: the open breaks, else the reason that was given."""
    grave = [found for found in work.breaks.find(city) if found.stops_fund and found.fund == fund]
    switch = work.switches.kill_switch(city, fund)
    reason = switch.reason if switch else "停发记录被删除 / the record of the stop was deleted"
    reason_zh, _, reason_en = reason.partition(" / ")
    return (
        "；".join(found.detail_zh for found in grave) or reason_zh,
        "; ".join(found.detail_en for found in grave) or reason_en or reason,
    )


def stop_fund(work: Work, city: str, fund: str, *, reason: str, by: str, now: datetime) -> None:
    """Stop the fund's sending; everything stays readable. A stopped fund keeps its first reason."""
    switch = work.switches.kill_switch(city, fund)
    if switch is not None and switch.is_stopped and _is_whole(work, city, fund, switch=switch):
        return
    work.switches.set_kill_switch(
        KillSwitch(city, fund, is_stopped=True, reason=reason, by=by, at=now, restart_asked_by=None)
    )
    work.audit.append(at=now, actor=by, action="stop_fund", subject=f"fund:{city}/{fund}", reason=reason)


def restart_fund(work: Work, city: str, fund: str, *, by: str, now: datetime) -> None:
    """Start sending again by two people: the first one's act is the request, the second one's confirms it."""
    switch = work.switches.kill_switch(city, fund)
    if switch is not None and switch.restart_asked_by is not None:
        confirm_restart(work, city, fund, by=by, now=now)
    else:
        request_restart(work, city, fund, by=by, now=now)


def request_restart(work: Work, city: str, fund: str, *, by: str, now: datetime) -> None:
    """The first of two people asks to start sending again.

    Raises RuleViolation ``breaks_open`` while a break that stopped the fund is not resolved, and
    ``recovery_unfinished`` while the bank has not answered for books put back from a backup.
    """
    by = person(by)
    switch = _stopped(work, city, fund)
    require_recovered(work, city, fund)
    _require_no_stopping_break(work, city, fund)
    work.switches.set_kill_switch(replace(switch, is_stopped=True, restart_asked_by=by))
    work.audit.append(at=now, actor=by, action="request_restart", subject=f"fund:{city}/{fund}")


def confirm_restart(work: Work, city: str, fund: str, *, by: str, now: datetime) -> None:
    """The second person starts sending again; refused as ``request_restart`` is."""
    by = person(by)
    switch = _stopped(work, city, fund)
    require_recovered(work, city, fund)
    _require_no_stopping_break(work, city, fund)
    if switch.restart_asked_by is None:
        raise RuleViolation(
            "restart_not_requested",
            f"{city}/{fund} 恢复发送须先由一人申请",
            f"{city}/{fund}: one person must ask for the restart before another confirms it",
            remedy="fundpool transfers restart --city … --fund … --by NAME",
        )
    require_other_person(by, switch.restart_asked_by, act_zh="恢复发送的确认", act_en="confirming a restart")
    work.switches.set_kill_switch(replace(switch, is_stopped=False, restarted_by=by))
    work.audit.append(at=now, actor=by, action="confirm_restart", subject=f"fund:{city}/{fund}")


def forget_request(work: Work, city: str, fund: str) -> None:
    """What one person asked before the books were put back counts no more."""
    switch = work.switches.kill_switch(city, fund)
    if switch is not None and switch.restart_asked_by is not None:
        work.switches.set_kill_switch(replace(switch, restart_asked_by=None))


def require_recovered(work: Work, city: str, fund: str) -> None:
    """Raise RuleViolation ``recovery_unfinished`` while nobody knows what the bank did since the backup."""
    recovery = work.switches.recovery(city, fund)
    if recovery is None or recovery.finished_at is not None:
        return
    zh, en = what_is_missing(recovery)
    raise RuleViolation(
        "recovery_unfinished",
        f"{city}/{fund} 的账由备份恢复，核对未完成：{zh}",
        f"the books of {city}/{fund} were put back from a backup and are not recovered: {en}",
        remedy="重新运行 fundpool transfers recover；银行长期不答复时凭对账单由两人确认 / run it again; where the bank "
        "does not answer, statements and two people: fundpool transfers confirm-recovery",
    )


def what_is_missing(recovery: Recovery) -> tuple[str, str]:
    """What the last run of the recovery was not answered, in Chinese and English."""
    if recovery.keys_open is None:
        return "尚未向银行查询", "the bank has not been asked yet"
    zh = (
        f"银行对 {recovery.keys_open} 个可能的支付编号没有明确答复，"
        f"缺 {recovery.days_open} 份对账单（{recovery.first_open} …）"
    )
    en = (
        f"the bank gave no exact answer about {recovery.keys_open} possible keys, and "
        f"{recovery.days_open} statements are missing ({recovery.first_open} …)"
    )
    return zh, en


def _stopped(work: Work, city: str, fund: str) -> KillSwitch:
    switch = work.switches.kill_switch(city, fund)
    if not _is_whole(work, city, fund, switch=switch):
        # Who asked for a restart in such a row may have asked for another one.
        raise RuleViolation(
            "row_put_back",
            f"{city}/{fund} 的停发记录被人绕过程序改动或删除，视同停发",
            f"somebody changed or deleted the stop of {city}/{fund} behind the program; nothing is sent",
            remedy="查清后重新停发并写明原因，再由两人恢复 / look into it, stop it anew with the reason, then two people "
            "restart it: fundpool transfers stop",
        )
    if switch is None or not switch.is_stopped:
        raise RuleViolation("fund_not_stopped", f"{city}/{fund} 并未停发", f"{city}/{fund} is not stopped")
    return switch


def _require_no_stopping_break(work: Work, city: str, fund: str) -> None:
    open_breaks = [each for each in work.breaks.find(city) if each.stops_fund and each.fund == fund]
    if open_breaks:
        raise RuleViolation(
            "breaks_open",
            f"{city}/{fund} 尚有 {len(open_breaks)} 项重大差异未结：{open_breaks[0].detail_zh}",
            f"{city}/{fund} has {len(open_breaks)} open stopping breaks: {open_breaks[0].detail_en}",
            remedy="查清并结清差异后再恢复 / resolve the breaks first: fundpool transfers breaks",
        )
