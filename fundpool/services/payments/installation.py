"""What was chosen at ``fundpool init``: sandbox or real, and the cities that run here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fundpool.domain.errors import InputError
from fundpool.domain.installation import SANDBOX_NOTICE, Installation
from fundpool.domain.people import SYSTEM, is_stated, person, require_other_person
from fundpool.domain.policy import CityPolicy, Status
from fundpool.services.payments.seals import broken_seal, require_latest
from fundpool.services.ports.work import MonthPorts, Work

_OWN_TABLES = frozenset({"installation", "audit", "row_trail", "latest_seal", "last_done", "notices"})


def installation_of(work: Work) -> Installation | None:
    """The record; None for an installation of before there was one: it is real and runs every city.

    Raises RuleViolation when somebody changed it behind the program.
    """
    found = work.installation.find()
    if found is not None:
        if not work.seals.hold(found):
            raise broken_seal("installation")
        require_latest(work, found)
    return found


def is_sandbox(work: Work) -> bool:
    """Whether people may name the business time here."""
    found = installation_of(work)
    return found is not None and found.is_sandbox


def require_sandbox(work: Work, what: str) -> None:
    """Raise InputError ``sandbox_only`` when a real installation is given a business time by ``what``."""
    if not is_sandbox(work):
        raise InputError(
            "sandbox_only",
            f"{what}：实际运行的系统以当前时间为准，不能指定业务时间",
            f"{what}: a real installation goes by the time of day; a business time is for a sandbox",
            remedy="去掉该选项；演练请另建沙盒 fundpool init --sandbox / leave it out; for training set up a sandbox of "
            "its own: fundpool init --sandbox",
        )


@dataclass(frozen=True, slots=True)
class BackDating:
    """On what grounds a receipt bears an earlier time than its entry, and who approved it."""

    reason: str
    document_number: str
    approver: str


def require_received(
    work: Work, received_at: datetime, now: datetime, *, by: str, back_dating: BackDating | None
) -> dict[str, str]:
    """What the trail says of a receipt that ``by`` enters ``now``: nothing more when both are one moment.

    Raises InputError for a receipt in the future, and on a real installation for one before now without grounds;
    RuleViolation when the person who enters it approved it.
    """
    if received_at > now:
        raise InputError(
            "received_in_future",
            f"收件时间 {received_at:%Y-%m-%d %H:%M} 晚于业务时间 {now:%Y-%m-%d %H:%M}",
            f"received {received_at:%Y-%m-%d %H:%M} is after the business clock {now:%Y-%m-%d %H:%M}",
            remedy="改正 --received / correct --received",
        )
    if back_dating is None:
        if received_at < now and not is_sandbox(work):
            raise InputError(
                "received_before_now",
                f"收件时间 {received_at:%Y-%m-%d %H:%M} 早于登记时间，须有理由、文号与批准人",
                f"received {received_at:%Y-%m-%d %H:%M} is before it is entered: that takes a reason, a document and a "
                "second person",
                remedy="去掉 --received；确属早收的，加 --by 登记人 --approver 批准人 --document-number 文号 --reason 理由 / leave "
                "--received out, or add --by, --approver, --document-number and --reason",
            )
        return {}
    if not (is_stated(back_dating.reason) and is_stated(back_dating.document_number)):
        raise InputError(
            "reason_missing",
            "补登收件须写明理由与文号",
            "a receipt that is dated back needs its reason and its document",
            remedy="--reason REASON --document-number NUMBER",
        )
    approver = person(back_dating.approver)
    require_other_person(person(by), approver, act_zh="补登收件", act_en="dating a receipt back")
    return {
        "received_at": received_at.isoformat(),
        "reason": back_dating.reason,
        "document_number": back_dating.document_number,
        "approver": approver,
    }


def notice_of(work: Work) -> str | None:
    """What every page and paper says: that this is a sandbox; None for a real installation."""
    return SANDBOX_NOTICE if is_sandbox(work) else None


def record_installation(
    work: Work, *, cities: Sequence[str] | None, sandbox: bool, now: datetime
) -> Installation:
    """Record what ``init`` chose; ``cities`` None leaves them as they are. The same again changes nothing.

    Raises InputError when an installation that holds records is to become a sandbox.
    """
    before = installation_of(work)
    stands = before or Installation(is_sandbox=False, cities="", decided_at=now)
    after = replace(
        stands,
        is_sandbox=sandbox or stands.is_sandbox,
        cities=stands.cities if cities is None else ",".join(dict.fromkeys(cities)),
    )
    if after.is_sandbox and not stands.is_sandbox and _holds_records(work):
        raise InputError(
            "sandbox_too_late",
            "本系统已有业务记录，不能改为沙盒",
            "this installation holds records: it cannot become a sandbox any more",
            remedy="另设 FUNDPOOL_HOME 与数据库，再 fundpool init --sandbox / set up another: FUNDPOOL_HOME and a database "
            "of its own, then fundpool init --sandbox",
        )
    if before is None or after != before:
        work.installation.put(replace(after, decided_at=now))
        chosen = {"is_sandbox": after.is_sandbox, "cities": after.cities}
        work.audit.append(at=now, actor=SYSTEM, action="init", subject="installation", after=chosen)
    return after


def _holds_records(work: Work) -> bool:
    return any(count for table, count in work.trail.counts().items() if table not in _OWN_TABLES)


def known_cities(ports: MonthPorts) -> list[CityPolicy]:
    """The cities whose month runs here: in force, with counties that file, and chosen at ``init`` where any were."""
    found = ports.database.read(installation_of)
    chosen = found.city_keys if found is not None else ()
    return [
        city for city in ports.policies.cities if is_runnable(city) and (not chosen or city.key in chosen)
    ]


def is_runnable(city: CityPolicy) -> bool:
    """Whether the city's month can be run: its document is in force, and its counties file."""
    return city.level == "city" and city.status is Status.IN_FORCE
