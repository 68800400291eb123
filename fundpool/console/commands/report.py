"""``fundpool report``: the city's filed summaries as workbooks."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from fundpool.console.language import choose
from fundpool.console.options import AnyCity, AnyMonthText, Dated, Options, chosen, make_folder, writing_to
from fundpool.console.output import Table, pick
from fundpool.settings import Settings

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
