"""Papers that officials sign: which there are, the number each bears, and their files.

A number is assigned once, when the paper is first written. The same content keeps number, edition and date for good;
what has changed since gets the next edition of the same number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fundpool.domain.errors import InputError
from fundpool.domain.paper import Language, NumberedPaper, Paper, PaperFormat, PaperKind, PaperNumber
from fundpool.domain.people import SYSTEM
from fundpool.domain.periods import Month, day_of
from fundpool.services.oversight.paper_contents import PAPERS, Source, is_over
from fundpool.services.ports.work import MonthPorts, Work

MEDIA_TYPES: dict[PaperFormat, str] = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


_WAITS_FOR: dict[PaperKind, tuple[str, str]] = {
    PaperKind.PLAN_SUMMARY: ("还没有用款计划进入审核", "no fund-use plan has come to review yet"),
    PaperKind.APPLICATION: ("还没有提出用款申请", "nothing has been applied for yet"),
    PaperKind.ALLOCATION: ("还没有款项到达县支出户", "no payment has arrived in a county's account yet"),
    PaperKind.EXPENDITURE: ("还没有县的支出报表通过审核", "no county's report has been accepted yet"),
    PaperKind.OVERDUE: ("没有县（市、区）逾期", "no county is or was late"),
    PaperKind.RETURN_SLIP: ("没有要更正的文件", "no file has anything to be corrected"),
    PaperKind.REVIEW_OPINION: ("没有只须提示的文件", "no file has anything to note"),
    PaperKind.STATEMENT: ("没有已复核的账户，或账上没有收支", "no account is approved, or none has moved"),
    PaperKind.RECONCILIATION: ("没有已复核而有对账单的账户", "no approved account has bank statements"),
}
_OF_ACCOUNTS = frozenset({PaperKind.STATEMENT, PaperKind.RECONCILIATION})


def why_none(kind: PaperKind, month: Month, now: datetime) -> tuple[str, str]:
    """Why there is no paper of the kind, in Chinese and English."""
    if kind in _OF_ACCOUNTS and not is_over(month, now):
        return f"{month.last_day} 月末以后出具", f"written once the month is over, after {month.last_day}"
    return _WAITS_FOR[kind]


@dataclass(frozen=True, slots=True)
class PaperFile:
    """A paper as a file to send or to keep: its name, its bytes, and the number it bears."""

    name: str
    content: bytes
    media_type: str
    number: PaperNumber


@dataclass(frozen=True, slots=True)
class KnownPaper:
    """A paper that can be written; ``number`` None while what it says has none yet.

    ``last`` is the number of its last edition: where it is not ``number``, the paper has changed since.
    """

    paper: Paper
    number: PaperNumber | None
    last: PaperNumber | None


def papers_of(
    ports: MonthPorts, *, city: str, month: Month, unit: str | None = None, now: datetime
) -> tuple[KnownPaper, ...]:
    """Every paper there is of the month, of one county or the city itself where ``unit`` names it.

    Assigns no number. Raises InputError for an unknown city or unit.
    """
    ports.policies.require_known(city, unit=unit)

    def read(work: Work) -> tuple[KnownPaper, ...]:
        source = Source(ports, work, ports.policies.city(city), month, now=now, language="zh", unit=unit)
        known = []
        for build in PAPERS.values():
            for paper in build(source):
                editions = work.papers.editions(paper)
                known.append(
                    KnownPaper(paper, _standing(editions, paper, now), editions[-1] if editions else None)
                )
        return tuple(known)

    return ports.database.read(read)


def paper(
    ports: MonthPorts,
    name: str,
    *,
    city: str,
    month: Month,
    unit: str | None = None,
    subject: str | None = None,
    now: datetime,
    language: Language = "zh",
    file_format: PaperFormat = "docx",
    by: str = SYSTEM,
) -> PaperFile:
    """One paper as a file, numbered for good when it is written for the first time.

    ``name`` is a ``PaperKind``; ``unit`` the county (or the city's own code) whose paper it is, ``subject`` what tells
    several papers of one name apart (see ``papers_of``: an account, a county's document, the number of an
    application); ``by`` is recorded as who had a new number assigned. Raises InputError ``paper_unknown``,
    ``paper_missing`` where there is nothing of the kind to sign, and ``paper_ambiguous`` where several are meant.
    """
    found = _find(ports, name, city=city, month=month, unit=unit, subject=subject, now=now, language=language)
    _require_single(found, month)
    return file_of(ports, _numbered(ports, found, by=by, now=now)[0], file_format)


def issued_paper(
    ports: MonthPorts,
    name: str,
    *,
    city: str,
    month: Month,
    subject: str,
    now: datetime,
    language: Language = "zh",
    file_format: PaperFormat = "docx",
) -> PaperFile:
    """One paper as a file, as ``paper`` writes it, but nothing is numbered by reading it.

    Raises InputError ``paper_not_numbered`` where what the paper says has no number yet.
    """
    found = _find(ports, name, city=city, month=month, unit=None, subject=subject, now=now, language=language)
    _require_single(found, month)
    number = found[0].number
    if number is None:
        raise InputError(
            "paper_not_numbered",
            f"这份{found[0].paper.kind.in_words('zh')}尚未编号，或内容已变而未编新版",
            f"this {found[0].paper.kind.in_words('en').lower()} has no number yet, or has changed since it got one",
            remedy="先在文书页面编号 / number it on the page of papers first",
        )
    return file_of(ports, NumberedPaper(found[0].shown, number), file_format)


def numbered_papers(
    ports: MonthPorts,
    name: str,
    *,
    city: str,
    month: Month,
    unit: str | None = None,
    subject: str | None = None,
    now: datetime,
    language: Language = "zh",
    by: str = SYSTEM,
) -> tuple[NumberedPaper, ...]:
    """Every paper of one name with its number; see ``paper``. One that has no number yet gets it here."""
    found = _find(ports, name, city=city, month=month, unit=unit, subject=subject, now=now, language=language)
    return _numbered(ports, found, by=by, now=now)


@dataclass(frozen=True, slots=True)
class _Found:
    """A paper in Chinese, which its number is about, as it is to be shown, and its number if it has one."""

    paper: Paper
    shown: Paper
    number: PaperNumber | None


def _find(
    ports: MonthPorts,
    name: str,
    *,
    city: str,
    month: Month,
    unit: str | None,
    subject: str | None,
    now: datetime,
    language: Language,
) -> list[_Found]:
    kind = PaperKind.named(name)
    ports.policies.require_known(city, unit=unit)
    policy = ports.policies.city(city)

    def read(work: Work) -> list[_Found]:
        source = Source(ports, work, policy, month, now=now, language="zh", unit=unit)
        papers = list(PAPERS[kind](source))
        shown = papers if language == "zh" else PAPERS[kind](replace(source, language=language))
        return [
            _Found(chinese, each, _standing(work.papers.editions(chinese), chinese, now))
            for chinese, each in zip(papers, shown, strict=True)
            if subject in {None, chinese.subject}
        ]

    found = ports.database.read(read)
    if not found:
        raise InputError(
            "paper_missing",
            f"{policy.name_zh} {month} 没有{kind.in_words('zh')}",
            f"{policy.name_en} has no {kind.in_words('en').lower()} for {month}",
            remedy=f"fundpool report papers --city {city} --month {month}",
        )
    return found


def _require_single(found: Sequence[_Found], month: Month) -> None:
    if len(found) > 1:
        kind = found[0].paper.kind
        raise InputError(
            "paper_ambiguous",
            f"{month} 有 {len(found)} 份{kind.in_words('zh')}，须指明其一",
            f"{month} has {len(found)} papers {kind}: name one",
            remedy=" | ".join(each.paper.subject for each in found),
        )


def _numbered(
    ports: MonthPorts, found: Sequence[_Found], *, by: str, now: datetime
) -> tuple[NumberedPaper, ...]:
    new = [each.paper for each in found if each.number is None]
    assigned = ports.database.transaction(lambda work: _assign(work, new, by=by, now=now)) if new else []
    numbers = iter(assigned)
    return tuple(NumberedPaper(each.shown, each.number or next(numbers)) for each in found)


def file_of(ports: MonthPorts, numbered: NumberedPaper, file_format: PaperFormat) -> PaperFile:
    """The numbered paper as a file."""
    suffix = "" if numbered.paper.language == "zh" else f"-{numbered.paper.language}"
    return PaperFile(
        name=f"{numbered.number.file_stem}{suffix}.{file_format}",
        content=ports.write_paper(numbered, file_format),
        media_type=MEDIA_TYPES[file_format],
        number=numbered.number,
    )


def _standing(editions: Iterable[PaperNumber], paper: Paper, now: datetime) -> PaperNumber | None:
    """The last edition by ``now``, if it says what the paper says."""
    known = [edition for edition in editions if edition.issued_at <= now]
    return known[-1] if known and known[-1].content_digest == paper.content_digest else None


def _assign(work: Work, papers: Sequence[Paper], *, by: str, now: datetime) -> list[PaperNumber]:
    """The number of each paper; the next edition, or the next number, for what has none."""
    numbers = []
    for each in papers:
        editions = work.papers.editions(each)
        # Another process may have numbered the same content between our read and now.
        number = _standing(editions, each, now)
        if number is None:
            year = day_of(now).year
            number = PaperNumber(
                city=each.city,
                kind=each.kind,
                year=editions[0].year if editions else year,
                serial=editions[0].serial
                if editions
                else work.papers.last_serial(each.city, each.kind, year) + 1,
                edition=editions[-1].edition + 1 if editions else 1,
                period=each.period,
                subject=each.subject,
                content_digest=each.content_digest,
                issued_at=now,
            )
            work.papers.add(number)
            work.audit.append(
                at=now,
                actor=by,
                action="issue_paper",
                subject=f"paper:{number.city}:{number.kind}:{number.year}:{number.serial}",
                after={"edition": number.edition, "content": number.content_digest},
            )
        numbers.append(number)
    return numbers
