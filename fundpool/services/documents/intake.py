"""Intake: what counties send is kept first, acknowledged second, read third.

Receipt (bytes on disk, row committed) and reading are two transactions: whatever stops the machine
in between, the receipt stands and the next run reads on. Received time decides timeliness.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from fundpool.domain.errors import FundpoolError, InputError
from fundpool.domain.findings import Severity
from fundpool.domain.periods import Period, Year
from fundpool.domain.policy import CityPolicy, require_county
from fundpool.domain.submission import (
    DocumentKind,
    Figure,
    FigureChange,
    FileState,
    ReceivedFile,
    Submission,
    figure_changes,
)
from fundpool.services.documents.raw_content import raw_content
from fundpool.services.payments.installation import BackDating, require_received
from fundpool.services.ports.isolation import together
from fundpool.services.ports.judging import Line, ParsedDocument, Register, SourceFile
from fundpool.services.ports.work import MonthPorts, Work
from schemas.documents import document_type
from schemas.documents.base import DocumentType

LINE_LENGTH = 64
"""So much of a voucher or account number names a row; longer ones are no numbers of this country."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What the sender states about a file; county and period are read from the file and must not differ."""

    city: str
    document: DocumentKind
    received_at: datetime
    received_from: str
    county: str | None = None
    month: Period | None = None
    back_dating: BackDating | None = None
    """Why ``received_at`` is before the entry, where a real installation is told so."""


@dataclass(frozen=True, slots=True)
class VersionReceipt:
    """One county's version that a file brought, with what changed since the version before."""

    submission: Submission
    changes: tuple[FigureChange, ...]


@dataclass(frozen=True, slots=True)
class FileReceipt:
    """The acknowledgement of one file; ``is_repeat``: the same bytes had come before."""

    file_name: str
    sha256: str | None
    state: FileState
    versions: tuple[VersionReceipt, ...] = ()
    error: FundpoolError | None = None
    is_repeat: bool = False


def submit(
    ports: MonthPorts, sources: Sequence[SourceFile], sending: Sending, *, now: datetime
) -> tuple[FileReceipt, ...]:
    """Receive and read ``sources``; one bad file never stops the rest.

    Raises InputError when the city or the named county is unknown, or the receipt lies in the future.
    """
    policy = ports.policies.city(sending.city)
    if sending.county is not None:
        require_county(policy, sending.county)
    grounds = ports.database.read(
        lambda work: require_received(
            work, sending.received_at, now, by=sending.received_from, back_dating=sending.back_dating
        )
    )
    receivers = [_receiver(source, sending, now=now, grounds=grounds) for source in sources]
    received = together(ports.database, receivers)
    read = {file.id: file for file in read_received(ports, policy, [file for file, _ in received])}
    answered = ports.database.read(
        lambda work: [_as_answered(read.get(file.id, file), work, sending) for file, _ in received]
    )
    return tuple(
        _receipt(ports, file, is_repeat=is_repeat)
        for file, (_, is_repeat) in zip(answered, received, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came for one city, kept and recorded: ``sources`` are the bytes of the files ``waiting`` to be read.

    ``unopened`` answers for files whose bytes could not be had.
    """

    policy: CityPolicy
    waiting: tuple[ReceivedFile, ...]
    sources: tuple[SourceFile, ...]
    unopened: tuple[FileReceipt, ...]


def take_in(
    ports: MonthPorts, policy: CityPolicy, document: DocumentKind, *, now: datetime, is_played: bool
) -> Arrival:
    """Take in the drop folder, beside whatever was received but not read.

    A file counts as received when it arrived in the folder, or at the business clock when that is
    played (``--as-of``): then nothing may depend on this machine's own time.
    """
    unopened: list[FileReceipt] = []
    arrived: list[Callable[[Work], tuple[ReceivedFile, bool]]] = []
    for incoming in ports.drop_folder.incoming(policy.key, document.value):
        if incoming.source is None:
            unopened.append(FileReceipt(incoming.name, None, FileState.UNREADABLE, error=incoming.error))
        else:
            received_at = now if is_played else min(incoming.arrived_at or now, now)
            sending = Sending(policy.key, document, received_at, received_from="drop-folder")
            arrived.append(_receiver(incoming.source, sending, now=now, retry_bad=False))
    together(ports.database, arrived)
    waiting = ports.database.read(
        lambda work: work.submissions.files(policy.key, document, [FileState.RECEIVED])
    )
    return Arrival(policy, tuple(waiting), _sources(ports, waiting), unopened=tuple(unopened))


Reading = tuple[SourceFile, ParsedDocument]
"""A file with its cells, and the document that stands in them."""


def read_arrivals(
    ports: MonthPorts, document: DocumentKind, arrivals: Sequence[Arrival]
) -> list[list[Reading]]:
    """The readings of each city's waiting files; one parser parses those of all cities."""
    sources = ports.parse_files([source for arrival in arrivals for source in arrival.sources])
    registers = [_register(arrival.policy) for arrival in arrivals for _ in arrival.sources]
    documents = ports.read_documents(sources, document.value, registers, month=None)
    readings = zip(sources, documents, strict=True)
    return [[next(readings) for _ in arrival.sources] for arrival in arrivals]


def record_readings(
    ports: MonthPorts, arrival: Arrival, readings: Sequence[Reading]
) -> tuple[FileReceipt, ...]:
    """Record what was read; answers for every file that is no document of the city."""
    bad = [file for file in _record(ports, arrival, readings) if file.state is not FileState.READ]
    return arrival.unopened + tuple(_receipt(ports, file, is_repeat=False) for file in bad)


def read_received(
    ports: MonthPorts, policy: CityPolicy, files: Sequence[ReceivedFile]
) -> tuple[ReceivedFile, ...]:
    """Read files that were received; each becomes submissions or carries the problem that prevents it."""
    unread = tuple(file for file in files if file.state is FileState.RECEIVED)
    if not unread:
        return ()
    arrival = Arrival(policy, unread, _sources(ports, unread), unopened=())
    (readings,) = read_arrivals(ports, unread[0].document, [arrival])
    return tuple(_record(ports, arrival, readings))


def _record(ports: MonthPorts, arrival: Arrival, readings: Sequence[Reading]) -> list[ReceivedFile]:
    files = zip(arrival.waiting, readings, strict=True)
    return together(
        ports.database,
        [partial(_record_reading, file=file, reading=reading) for file, reading in files],
    )


def _sources(ports: MonthPorts, files: Sequence[ReceivedFile]) -> tuple[SourceFile, ...]:
    def read(work: Work) -> tuple[SourceFile, ...]:
        return tuple(SourceFile(file.file_name, raw_content(ports, work, file.sha256)) for file in files)

    return ports.database.read(read)


def _register(policy: CityPolicy) -> Register:
    return Register.of(policy.units, policy.funds, policy.name_zh)


def _receiver(
    source: SourceFile,
    sending: Sending,
    *,
    now: datetime,
    grounds: Mapping[str, str] | None = None,
    retry_bad: bool = True,
) -> Callable[[Work], tuple[ReceivedFile, bool]]:
    """Return the function that keeps the bytes with their receipt; the same bytes again are the same receipt.

    A file that was refused or unreadable is read again when its sender submits it once more.
    """
    sha256 = source.sha256

    def record(work: Work) -> tuple[ReceivedFile, bool]:
        known = work.submissions.received_file(sending.city, sending.document, sha256)
        if known is None:
            work.submissions.add_raw_file(sha256, source.content, now)
            file = work.submissions.add_received_file(
                city=sending.city,
                document=sending.document,
                sha256=sha256,
                file_name=source.name,
                received_at=sending.received_at,
                received_from=sending.received_from,
                declared_county=sending.county,
                declared_month=sending.month,
            )
            work.audit.append(
                at=now,
                actor=sending.received_from,
                action="receive_file",
                subject=f"file:{sha256}",
                before=None,
                after={"city": sending.city, "document": sending.document.value, "name": source.name}
                | dict(grounds or {}),
                reason=None,
            )
            return file, False
        if known.state in {FileState.READ, FileState.RECEIVED} or not retry_bad:
            return known, True
        work.submissions.redeclare(known.id, sending.county, sending.month)
        work.submissions.set_file_state(known.id, FileState.RECEIVED)
        again = replace(
            known,
            state=FileState.RECEIVED,
            declared_county=sending.county,
            declared_month=sending.month,
            problem=None,
        )
        return again, True

    return record


def _as_answered(file: ReceivedFile, work: Work, sending: Sending) -> ReceivedFile:
    """The file as this sender is answered: naming another county or month than it does is refused, not stored.

    Somebody else may have sent the same bytes before, and have named no county; whether they had been read yet or not,
    who sends them now is told of no other county's figures.
    """
    if file.state is not FileState.READ:
        return file
    versions = work.submissions.of_file(file.id)
    problem = _contradiction(
        tuple(version.county for version in versions),
        versions[0].month,
        sending.county,
        declared_month=sending.month,
    )
    return file if problem is None else replace(file, state=FileState.REFUSED, problem=problem)


def _record_reading(work: Work, file: ReceivedFile, reading: Reading) -> ReceivedFile:
    """Record the submissions of a file that was read, or why it is none."""
    source, document = reading
    problem = _problem_of(document, file)
    if problem is not None:
        state = FileState.REFUSED if document.readable else FileState.UNREADABLE
        work.submissions.set_file_state(file.id, state, problem)
        return replace(file, state=state, problem=problem)
    assert source.cells is not None, "a file that was read was parsed"
    work.submissions.keep_cells(file.sha256, source.cells)
    month = _periods(document)[0]
    for county in document.counties:
        work.submissions.add_submission(file, county, month, figures=_figures(document, county))
    work.submissions.set_file_state(file.id, FileState.READ)
    return replace(file, state=FileState.READ)


def _problem_of(reading: ParsedDocument, file: ReceivedFile) -> InputError | None:
    if not reading.readable:
        why = next((f for f in reading.findings if f.severity is Severity.BLOCK), None)
        return InputError(
            "file_unreadable",
            why.message_zh if why else "读不出模板表格",
            why.message_en if why else "the template's table cannot be read",
            remedy=(why.remedy if why else None)
            or "用 fundpool template 生成的模板重新填报 / use the template",
        )
    if not reading.counties:
        return InputError(
            "file_names_no_county",
            "文件中没有本市的县区代码或名称",
            "the file names no county of this city",
            remedy="在“县区代码”“县区名称”列填写本县区 / fill in the county columns",
        )
    periods = _periods(reading)
    if len(periods) != 1:
        found, listed = "、".join(map(str, periods)) or "无", ", ".join(map(str, periods)) or "none"
        if document_type(reading.document).period == "year":
            return InputError(
                "file_names_no_single_year",
                f"文件应只报一个年度，写的是：{found}",
                f"a file of this kind speaks of exactly one year, found: {listed}",
                remedy="在“年度”列统一填写 YYYY / write one year in every row",
            )
        return InputError(
            "file_names_no_single_month",
            f"文件应只报一个月份，写的是：{found}",
            f"a file speaks of exactly one month, found: {listed}",
            remedy="在“月份”列统一填写 YYYY-MM / write one month in every row",
        )
    return _contradiction(
        reading.counties, periods[0], file.declared_county, declared_month=file.declared_month
    )


def _contradiction(
    counties: Sequence[str], month: Period, declared_county: str | None, *, declared_month: Period | None
) -> InputError | None:
    if declared_county is not None and tuple(counties) != (declared_county,):
        return InputError(
            "county_contradicts_file",
            f"报送的县区 {declared_county} 与文件所写县区 {'、'.join(counties)} 不一致",
            f"filed for county {declared_county}, but the file names {', '.join(counties)}",
            remedy="核对文件的县区代码与名称 / check the county's code and name in the file",
        )
    if declared_month is not None and month != declared_month:
        return InputError(
            "month_contradicts_file",
            f"报送的所属期 {declared_month} 与文件所写所属期 {month} 不一致",
            f"filed for {declared_month}, but the file is for {month}",
            remedy="核对文件所写的月份或年度 / check the month or year in the file",
        )
    return None


def _periods(reading: ParsedDocument) -> tuple[Period, ...]:
    """The months, or for a yearly document the years, that the rows name."""
    if document_type(reading.document).period == "month":
        return tuple(sorted({line.month for line in reading.lines if line.month is not None}))
    years = {str(line.values["year"]) for line in reading.lines if line.values.get("year") is not None}
    return tuple(Year.parse(year) for year in sorted(years))


def _figures(reading: ParsedDocument, county: str) -> tuple[Figure, ...]:
    # A row given twice is a finding of the judge; the first one is what is kept for comparison.
    figures: dict[tuple[str, str, str], Figure] = {}
    kind = document_type(reading.document)
    for row in reading.lines:
        if row.county == county and row.fund is not None:
            line = line_name(kind, row)
            for name, amount_fen in row.amounts_fen.items():
                figures.setdefault(
                    (row.fund, line, name),
                    Figure(
                        row.fund, name, amount_fen, sheet=row.sheet[:255], cell=row.cells.get(name), line=line
                    ),
                )
    return tuple(figures.values())


def line_name(kind: DocumentType, row: Line) -> str:
    """The text that identifies ``row`` among those of its county and scheme; "" where there is a single row."""
    if kind.line_field is None:
        return ""
    named = str(row.values.get(kind.line_field) or "").strip()
    return named[:LINE_LENGTH] or f"#{row.row}"


def _receipt(ports: MonthPorts, file: ReceivedFile, *, is_repeat: bool) -> FileReceipt:
    if file.problem is not None:
        error = InputError(
            file.problem.code,
            f"{file.file_name}：{file.problem.zh}",
            f"{file.file_name}: {file.problem.en}",
            remedy=file.problem.remedy,
        )
        return FileReceipt(file.file_name, file.sha256, file.state, error=error, is_repeat=is_repeat)

    def versions(work: Work) -> tuple[VersionReceipt, ...]:
        return tuple(
            VersionReceipt(submission, changes_of(work, submission))
            for submission in work.submissions.of_file(file.id)
        )

    return FileReceipt(
        file.file_name, file.sha256, file.state, versions=ports.database.read(versions), is_repeat=is_repeat
    )


def changes_of(work: Work, submission: Submission) -> tuple[FigureChange, ...]:
    """The figures that differ from the version before ``submission``; nothing for the first version."""
    earlier = [
        version
        for version in work.submissions.versions(
            submission.city, submission.document, submission.month, county=submission.county
        )
        if version.version == submission.version - 1
    ]
    if not earlier:
        return ()
    return figure_changes(work.submissions.figures(earlier[0].id), work.submissions.figures(submission.id))
