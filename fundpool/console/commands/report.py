"""``fundpool report``: the city's filed summaries as workbooks, and the papers that officials sign."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from fundpool.console.acting import acts
from fundpool.console.language import choose
from fundpool.console.options import (
    AnyCity,
    AnyCounty,
    AnyMonthText,
    Dated,
    Options,
    chosen,
    make_folder,
    writing_to,
)
from fundpool.console.output import Table, pick
from fundpool.domain.errors import InputError
from fundpool.domain.paper import Language, PaperFormat
from fundpool.domain.people import SYSTEM, person
from fundpool.domain.periods import FIRST_YEAR, LAST_YEAR, Month
from fundpool.domain.rights import Right
from fundpool.settings import Settings

if TYPE_CHECKING:
    from fundpool.services.oversight.papers import KnownPaper

app = App(name="report")


@app.command(name="list")
def list_filings(*, city: AnyCity = None, month: AnyMonthText = None, options: Options = Options()) -> int:
    """列出已备案的汇总表 / List the summaries filed for the month."""
    from fundpool.services.oversight.filing import filings_of

    key, when = options.place_of(city, month)
    filings = filings_of(options.open_month(), key, when)
    return options.show(
        {
            **chosen((key, when), city, month),
            "filings": [
                pick(filing, "version file=file_name sha256 filed_by filed_at") for filing in filings
            ],
        },
        Table(
            f"{choose('备案', 'filings')} · {key} · {when}", filings, "version file_name filed_at filed_by"
        ),
    )


@app.command
def write(
    *,
    city: AnyCity = None,
    month: AnyMonthText = None,
    out: Annotated[
        Path | None, Parameter(help="目录，缺省 HOME/reports / folder, default HOME/reports")
    ] = None,
    options: Dated = Dated(),
) -> int:
    """写出汇总表（已备案的各版，未备案则为草稿）和迟报缺报清单 / Write the filed workbooks (or a draft) and the list of who was late."""
    from fundpool.services.oversight.filing import files_of

    key, when = options.place_of(city, month, now=options.now)
    files = files_of(options.open_month(), key, when, now=options.now)
    folder = (out or Settings().reports) / key / str(when)
    make_folder(folder)
    written = []
    for name, content in files:
        target = folder / name
        with writing_to(target):
            target.write_bytes(content)
        written.append(str(target))
    return options.show({**chosen((key, when), city, month), "files": written}, "\n".join(written))


@app.command
def papers(
    *,
    city: AnyCity = None,
    month: AnyMonthText = None,
    county: AnyCounty = None,
    options: Dated = Dated(),
) -> int:
    """列出当月可出具的文书及其编号 / List the papers of the month that can be written, and their numbers."""
    from fundpool.services.oversight.papers import papers_of

    key, when = options.place_of(city, month, now=options.now)
    known = papers_of(options.open_month(), city=key, month=when, unit=county, now=options.now)
    rows = [paper_document(each) for each in known]
    return options.show(
        {**chosen((key, when), city, month), "papers": rows},
        Table(f"文书 papers · {key} · {when}", rows, "name subject title number"),
    )


def paper_document(known: "KnownPaper") -> dict[str, Any]:
    """A paper that can be written, as JSON has it."""
    return {
        **pick(known.paper, "name=kind period subject title"),
        "number": known.number and known.number.in_words("zh"),
        "last_number": known.last and known.last.in_words("zh"),
        "content_digest": known.paper.content_digest,
    }


@app.command
@acts(Right.OPERATE)
def paper(
    name: Annotated[str, Parameter(help="文书，见 report papers / name, see report papers")],
    *,
    city: AnyCity = None,
    month: AnyMonthText = None,
    county: AnyCounty = None,
    subject: Annotated[
        str | None, Parameter(help="同名文书之一，见 report papers / one of several, see report papers")
    ] = None,
    out: Annotated[Path | None, Parameter(help="目录，缺省 HOME/reports / folder")] = None,
    file_format: Annotated[
        PaperFormat | Literal["both"], Parameter(name="--format", help="格式 / kind of file")
    ] = "both",
    language: Annotated[Language, Parameter(help="文字 / language of the paper")] = "zh",
    by: Annotated[str, Parameter(help="编号的经办人 / who has it numbered")] = SYSTEM,
    options: Dated = Dated(),
) -> int:
    """写出供签章的文书；同一内容编号不变，内容有变则为下一版 / Write papers to be signed; what is unchanged keeps its number."""
    from fundpool.services.oversight.papers import file_of, numbered_papers

    key, when = options.place_of(city, month, now=options.now)
    folder = (out or Settings().reports) / key / str(when) / "papers"
    ports = options.open_month()
    make_folder(folder)  # before a number is assigned to what could not be written
    found = numbered_papers(
        ports,
        name,
        city=key,
        month=when,
        unit=county,
        subject=subject,
        now=options.now,
        language=language,
        by=by if by == SYSTEM else person(by),
    )
    written = []
    formats: tuple[PaperFormat, ...] = ("docx", "xlsx") if file_format == "both" else (file_format,)
    for numbered in found:
        paths = []
        for each in formats:
            file = file_of(ports, numbered, each)
            with writing_to(folder / file.name):
                (folder / file.name).write_bytes(file.content)
            paths.append(str(folder / file.name))
        about = pick(numbered.number, "name=kind period subject year serial edition issued_at content_digest")
        written.append(about | {"number": numbered.number.in_words("zh"), "files": paths})
    lines = (f"{each['number']}  {path}" for each in written for path in each["files"])
    return options.show({**chosen((key, when), city, month), "papers": written}, "\n".join(lines))


def league(
    *,
    city: AnyCity = None,
    year: Annotated[int, Parameter(help="考核年度 / the fund year")],
    out: Annotated[
        Path | None, Parameter(help="写出的文件，.xlsx 或 .csv / file to write, .xlsx or .csv")
    ] = None,
    options: Dated = Dated(),
) -> int:
    """县区按时办理名次，用于目标责任制考核 / The counties' league by on-time rate, for the yearly appraisal."""
    from fundpool.adapters.documents.league_tables import league_csv, league_workbook
    from fundpool.services.oversight.punctuality import league_between

    ports, key = options.open_month(), options.city_of(city)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise InputError("bad_year", f"年度超出范围：{year}", f"the year is out of range: {year}")
    if out is not None and out.suffix not in {".xlsx", ".csv"}:
        raise InputError(
            "unknown_format",
            f"不能写成 {out.suffix}",
            f"cannot be written as {out.suffix}",
            remedy=".xlsx | .csv",
        )
    shown = league_between(ports, key, first=Month(year, 1), last=Month(year, 12), now=options.now)
    rows = [
        {
            "rank": row.rank,
            "county": row.county,
            "on_time": row.punctuality.on_time,
            "fell_due": row.punctuality.fell_due,
            "late": row.punctuality.late,
            "still_open": row.punctuality.still_open,
            "days_late": row.punctuality.days_late,
            "extensions": row.punctuality.extensions,
            "nil": row.punctuality.nil,
            "returned": row.returned,
        }
        for row in shown.rows
    ]
    document = {"city": key, "year": year, "today": shown.today, "counties": rows}
    if out is not None:
        policy = ports.policies.city(key)
        write_league = league_workbook if out.suffix == ".xlsx" else league_csv
        with writing_to(out):
            out.write_bytes(write_league(policy, shown))
        document["file"] = str(out)
    return options.show(
        document,
        Table(
            f"名次 league · {key} · {year}",
            rows,
            "rank county on_time fell_due late still_open days_late extensions nil returned",
        ),
    )
