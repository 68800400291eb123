"""``fundpool reconcile``: two files of payment details, line by line."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from fundpool.console.language import choose, one_language
from fundpool.console.options import Options, make_folder
from fundpool.console.output import Table, yuan
from fundpool.domain.errors import InputError
from fundpool.services.documents.detail_comparison import (
    COUNTS,
    DETAIL_COLUMNS,
    CityPlaces,
    Columns,
    DetailComparison,
    DifferenceFiles,
)

_NEXT_COLUMN = re.compile(rf",(?=(?:{'|'.join(DETAIL_COLUMNS)})=)")
_ON_SCREEN = 100
"""Counties and funds that a table for people lists; ``--json`` and the workbook have all."""


def reconcile(
    left: Annotated[
        str,
        Parameter(
            help="左方明细，CSV 或 Parquet，路径或 s3:// 等地址 / one file of details, a path or an address"
        ),
    ],
    right: Annotated[str, Parameter(help="右方明细，同上 / the other file, likewise")],
    *,
    city: Annotated[
        str | None,
        Parameter(help="城市，按其名册识别县区和险种 / city key: counties and funds must be its own"),
    ] = None,
    out: Annotated[
        Path | None,
        Parameter(
            help="把差异明细（Parquet 和工作簿）写到此目录 / folder for the differing lines, as Parquet and workbook"
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            help="两方的列名，如 serial=NO,amount_fen=AMOUNT / how both files call serial, county, fund, amount_fen",
        ),
    ] = None,
    left_columns: Annotated[
        list[str] | None, Parameter(negative="", help="左方的列名 / how the left file calls them")
    ] = None,
    right_columns: Annotated[
        list[str] | None, Parameter(negative="", help="右方的列名 / how the right file calls them")
    ] = None,
    scheduler: Annotated[
        str | None,
        Parameter(help="由此 Dask 集群比对，如 tcp://10.0.0.5:8786 / have a Dask cluster compare the lines"),
    ] = None,
    options: Options = Options(),
) -> int:
    """逐笔比对两份拨付明细 / Compare two files of payment details line by line.

    一方首次出现的流水号与另一方首次出现的比对，其余为重复。退出码：0 相符，1 有差异，2 用法有误或文件读不了，4 集群或文件所在处
    没有应答。 / The first line with a serial on one side is compared with the first on the other; further ones are
    duplicates. Exit status: 0 nothing differs, 1 differences, 2 wrong use or unreadable input, 4 a cluster or a
    place of files that does not answer.
    """
    both = _mapping(columns, "--columns")
    sides = (
        _whole({**both, **_mapping(left_columns, "--left-columns")}),
        _whole({**both, **_mapping(right_columns, "--right-columns")}),
    )
    places = None if city is None else _city_places(options.policy_folder, city)
    from fundpool.adapters.details.cluster import Cluster
    from fundpool.adapters.details.detail_comparison import compare, find_differences
    from fundpool.adapters.details.detail_workbooks import write_differences

    find = find_differences if scheduler is None else Cluster(scheduler).find_differences

    if out is not None:
        make_folder(out)
    with compare((left, sides[0]), (right, sides[1]), places, find=find) as comparer:
        comparison = comparer.comparison
        files = None if out is None else write_differences(comparer, out, repr((city, sides)))
    return options.show(
        _document(comparison, city, files), *_parts(comparison, files), found=comparison.differing > 0
    )


def _mapping(texts: Sequence[str] | None, option: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in (part for given in texts or () for part in _NEXT_COLUMN.split(given)):
        key, equals, name = text.partition("=")
        if key not in DETAIL_COLUMNS or not equals or not name.strip() or key in found:
            raise InputError(
                "column_mapping",
                f"{option} 的写法是 serial=流水号,county=县区,fund=险种,amount_fen=金额分，各列至多一次；得到「{text}」",
                f"{option} is written serial=NAME,county=NAME,fund=NAME,amount_fen=NAME, each at most once; found {text!r}",
                remedy="fundpool reconcile --help",
            )
        found[key] = name.strip()
    return found


def _whole(given: dict[str, str]) -> Columns:
    columns = {name: given.get(name, name) for name in DETAIL_COLUMNS}
    if len(set(columns.values())) < len(columns):
        listed = ",".join(f"{key}={name}" for key, name in columns.items())
        raise InputError(
            "column_mapping_twice",
            f"同一列不能当作两项：{listed}",
            f"one column cannot be two things: {listed}",
            remedy="fundpool reconcile --help",
        )
    return columns


def _city_places(folder: Path, city: str) -> CityPlaces:
    from fundpool.adapters.policies.policy_files import load_city
    from fundpool.services.ports.judging import Register

    policy = load_city(folder, city)
    return CityPlaces(policy.name_zh, Register.of(policy.register, policy.funds, policy.name_zh))


def _document(
    comparison: DetailComparison, city: str | None, files: DifferenceFiles | None
) -> dict[str, Any]:
    from fundpool.adapters.details.detail_files import shown

    return {
        **comparison.to_json(),
        "city": city,
        "files": None
        if files is None
        else {
            "parquet": shown(files.parquet),
            "workbook": shown(files.workbook),
            "lines": files.lines,
            "workbook_lines": files.workbook_lines,
        },
    }


def _parts(comparison: DetailComparison, files: DifferenceFiles | None) -> Iterator[Table | str]:
    from fundpool.adapters.details.detail_files import shown

    for side in (comparison.left, comparison.right):
        yield f"{side.file}  {side.format} {side.encoding or ''}  SHA-256 {side.sha256}"
    yield Table(
        "逐笔比对 / line-by-line comparison",
        [(one_language(_count(name)), _figure(name, comparison.count(name))) for name in COUNTS],
        ["项目 / item", "数 / figure"],
    )
    listed = [
        name
        for name in COUNTS
        if name.endswith("_fen") or any(getattr(each, name) for each in comparison.places)
    ]
    yield Table(
        "按县区和险种 / by county and fund",
        comparison.places[:_ON_SCREEN],
        {"县区 / county": "county", "险种 / fund": "fund"} | {_count(name): name for name in listed},
    )
    if (more := len(comparison.places) - _ON_SCREEN) > 0:
        yield choose(f"另有 {more} 组，见 --json", f"and {more} more, see --json")
    if files is not None:
        yield f"{shown(files.parquet)}\n{shown(files.workbook)}"
        if files.workbook_lines < files.lines:
            yield (
                f"工作簿只有前 {files.workbook_lines} 行，全部 {files.lines} 行在 Parquet / "
                f"the workbook has the first {files.workbook_lines} of {files.lines} lines, the Parquet all"
            )


def _count(name: str) -> str:
    """What a count or total is called."""
    from fundpool.adapters.details.detail_workbooks import count_zh

    return f"{count_zh(name)} / {name.removesuffix('_fen').replace('_', ' ')}"


def _figure(name: str, count: int) -> str:
    return yuan(count) if name.endswith("_fen") else str(count)
