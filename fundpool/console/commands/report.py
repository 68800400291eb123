"""``fundpool report``: the city's filed summaries as workbooks."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from fundpool.console.options import City, Dated, MonthText, Options, make_folder, writing_to
from fundpool.console.output import Table, pick
from fundpool.domain.periods import parse_month
from fundpool.settings import Settings

app = App(name="report")


@app.command(name="list")
def list_filings(*, city: City, month: MonthText, options: Options = Options()) -> int:
    """列出已备案的汇总表 / List the summaries filed for the month."""
    from fundpool.services.oversight.filing import filings_of

    filings = filings_of(options.open_month(), city, parse_month(month))
    return options.show(
        {"filings": [pick(filing, "version file=file_name sha256 filed_by filed_at") for filing in filings]},
        Table(f"备案 filings · {city} · {month}", filings, "version file_name filed_at filed_by"),
    )


@app.command
def write(
    *,
    city: City,
    month: MonthText,
    out: Annotated[Path | None, Parameter(help="目录，缺省 HOME/reports / folder")] = None,
    options: Dated = Dated(),
) -> int:
    """写出汇总表（已备案的各版，未备案则为草稿）和迟报缺报清单 / Write the filed workbooks (or a draft) and the list of who was late."""
    from fundpool.services.oversight.filing import files_of

    when = parse_month(month)
    files = files_of(options.open_month(), city, when, now=options.now)
    folder = (out or Settings().reports) / city / str(when)
    make_folder(folder)
    written = []
    for name, content in files:
        target = folder / name
        with writing_to(target):
            target.write_bytes(content)
        written.append(str(target))
    return options.show({"files": written}, "\n".join(written))
