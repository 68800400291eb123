"""``fundpool template``: write the workbooks that counties fill."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fundpool.console.language import choose
from fundpool.console.options import City, Options, PeriodText, make_folder, period_of_type
from fundpool.console.output import Table, pick
from fundpool.domain.errors import InputError
from fundpool.services.ports.judging import Register
from schemas.documents import document_type

MOST_ROWS = 5_000
"""Open rows that a template may have; all cells of them stay far below the limits of reading."""


def template(
    *,
    city: City,
    document: Annotated[str, Parameter(help="表种：plan、report… / kind of document: plan, report, …")],
    month: PeriodText,
    county: Annotated[
        tuple[str, ...],
        Parameter(help="县区代码或名称，可多个；不写为全部 / county codes or names; all if not given"),
    ] = (),
    rows: Annotated[
        int | None, Parameter(help="明细表的空行数 / open rows of a list (payer-detail, statement, …)")
    ] = None,
    out: Annotated[Path, Parameter(help="输出目录 / folder to write to")] = Path(),
    options: Options = Options(),
) -> int:
    """生成填报模板，每县一个工作簿 / Write the templates, one workbook per county."""
    kind = document_type(document)
    when = period_of_type(month, kind, month_names_year=True)
    if rows is not None and not 1 <= rows <= MOST_ROWS:
        raise InputError(
            "bad_rows",
            f"空行数应为 1 至 {MOST_ROWS}，现为 {rows}",
            f"a list has 1 to {MOST_ROWS} open rows, found {rows}",
            remedy="更多的明细请报 CSV / file a longer list as CSV",
        )
    from fundpool.adapters.documents.workbooks import template_workbook
    from fundpool.adapters.policies.policy_files import load_policies

    policy = load_policies(options.settings.policy_dir).city(city)
    register = Register.of(policy.register, policy.funds, policy.name_zh)
    chosen = (
        [unit.code for unit in policy.units] if not county else [_code(register, name) for name in county]
    )
    if not chosen:
        raise InputError(
            "no_counties",
            f"{policy.name_zh}的名册中没有县区，无从生成模板",
            f"the register of {city} has no counties to write a template for",
            remedy="在该市政策文件的 units 中登记县区 / list the counties under units in the city's policy file",
        )
    make_folder(out)
    written = []
    for code in chosen:
        unit = register.by_code(code)
        assert unit is not None
        path = out / f"{when}-{kind.key}-{unit.code}-{unit.name_zh}.xlsx"
        workbook = template_workbook(
            kind.key,
            policy.name_zh,
            counties=[unit],
            month=when,
            funds=register.funds,
            detail_rows=rows,
        )
        path.write_bytes(workbook)
        written.append({"county": unit.code, "name": unit.name_zh, "document": kind.key, "file": path})
    return options.show(
        {"files": [pick(each, "county document file") for each in written]},
        Table(
            f"{choose(kind.zh, kind.en)} {when}",
            written,
            {"代码 / code": "county", "县区 / county": "name", "文件 / file": "file"},
        ),
    )


def _code(register: Register, text: str) -> str:
    county = register.by_code(text) or register.by_name(text)
    if county is None:
        known = "、".join(f"{unit.code} {unit.name_zh}" for unit in register.counties)
        raise InputError(
            "unknown_county",
            f"名册中没有 {text}；有：{known}",
            f"{text} is not in the register; known: {known}",
        )
    return county.code
