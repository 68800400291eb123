"""``fundpool report``: the city's filed summaries as workbooks."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from fundpool.clock import business_clock
from fundpool.console.options import AsOf, City, Json, MonthText, PolicyDir, open_month
from fundpool.console.output import print_json, print_table
from fundpool.domain.periods import parse_month
from fundpool.settings import Settings

app = App(
    name="report",
    help="月度汇总表与清单 / The city's monthly summary and the list of who was late.",
    result_action="return_value",
)


@app.command(name="list")
def list_filings(*, city: City, month: MonthText, policy_dir: PolicyDir = None, json: Json = False) -> int:
    """列出已备案的汇总表 / List the summaries filed for the month."""
    from fundpool.services.oversight.filing import filings_of

    filings = filings_of(open_month(policy_dir), city, parse_month(month))
    if json:
        print_json(
            {
                "filings": [
                    {
                        "version": one.version,
                        "file": one.file_name,
                        "sha256": one.sha256,
                        "filed_by": one.filed_by,
                        "filed_at": one.filed_at.isoformat(),
                    }
                    for one in filings
                ]
            }
        )
        return 0
    print_table(
        f"备案 filings · {city} · {month}",
        ["版本 version", "文件 file", "备案时间 filed", "办理 by"],
        [(one.version, one.file_name, f"{one.filed_at:%Y-%m-%d %H:%M}", one.filed_by) for one in filings],
    )
    return 0


@app.command
def write(
    *,
    city: City,
    month: MonthText,
    out: Annotated[Path | None, Parameter(help="目录，缺省 HOME/reports / folder")] = None,
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """写出汇总表（已备案的各版，未备案则为草稿）和迟报缺报清单 / Write the filed workbooks (or a draft) and the list of who was late."""
    from fundpool.services.oversight.filing import files_of

    when = parse_month(month)
    files = files_of(open_month(policy_dir), city, when, business_clock(as_of))
    folder = (out or Settings().reports) / city / str(when)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in files:
        target = folder / name
        target.write_bytes(content)
        written.append(str(target))
    if json:
        print_json({"files": written})
    else:
        print("\n".join(written))
    return 0
