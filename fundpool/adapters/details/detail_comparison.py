"""Two files of payment details compared line by line in DuckDB, out of core.

Both files become tables of a database in a temporary folder, in which a row's number is its place in the
file; joins, groups and sorts that do not fit the memory limit spill there. Texts are never taken for
numbers, amounts are 64-bit integers and their sums 128-bit. DuckDB loads no extension and reaches nothing
but that folder and the two files. ``cluster`` has the lines that differ found by other machines.
"""

import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from fundpool.adapters.details import detail_files
from fundpool.adapters.details.detail_files import CsvSurvey, printable, shown
from fundpool.domain.errors import InputError, ServiceUnavailable
from fundpool.services.documents.detail_comparison import (
    COUNTS,
    DETAIL_COLUMNS,
    CityPlaces,
    Columns,
    DetailComparison,
    DetailFile,
    Difference,
    PlaceCounts,
    Side,
)

MEMORY = "512MB"
_THREADS = min(4, os.cpu_count() or 1)
_PLACES = 10_000
"""More different counties and funds than any file has: the mapping names the wrong columns."""
_TEXT_CHARACTERS = 255
_BLANK = " \t\u00a0\u3000"
_EXACT_TYPE = re.compile(r"VARCHAR|U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|DECIMAL\(\d+,\s?0\)")
"""Types of Parquet columns whose text is the value itself."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

# What a person wrote reaches DuckDB as parameters and data only: the names below are this module's own.
# Of a serial, 1.2E+17 is what a spreadsheet leaves of eighteen digits.
_LOAD = r"""
CREATE TABLE {side}_line AS
SELECT serial, county, fund,
  CASE WHEN regexp_full_match(amount, '-?[0-9]+') THEN TRY_CAST(amount AS BIGINT) END AS amount_fen,
  CASE
    WHEN serial IS NULL OR trim(serial, '{blank}') = '' THEN 'serial_empty'
    WHEN length(serial) > {longest} THEN 'serial_long'
    WHEN regexp_matches(serial, '[\x00-\x1f\x7f]') THEN 'serial_control'
    WHEN regexp_full_match(serial, '[0-9]([.][0-9]+)?[Ee][+][0-9]+') THEN 'serial_rounded'
    WHEN amount IS NULL OR amount = '' THEN 'amount_empty'
    WHEN NOT regexp_full_match(amount, '-?[0-9]+') THEN 'amount_not_integer'
    WHEN TRY_CAST(amount AS BIGINT) IS NULL THEN 'amount_range'
  END AS fault,
  CASE WHEN fault LIKE 'serial%' THEN left(serial, 300) WHEN fault LIKE 'amount%' THEN left(amount, 300) END AS found
FROM ({source})
"""
_FROM_CSV = """
SELECT c{0} AS serial, c{1} AS county, c{2} AS fund, c{3} AS amount
FROM read_csv(?, auto_detect=false, header=true, columns={{{names}}}, delim=',', quote='"', escape='"',
  comment='', compression='none', strict_mode=true, null_padding=false, ignore_errors=false, hive_partitioning=false)
"""
_FROM_PARQUET = """
SELECT CAST(c{0} AS VARCHAR) AS serial, CAST(c{1} AS VARCHAR) AS county, CAST(c{2} AS VARCHAR) AS fund,
  CAST(c{3} AS VARCHAR) AS amount
FROM read_parquet(?, hive_partitioning=false) AS t({names})
"""
_PLACED = """
CREATE VIEW {side}_placed AS
  SELECT line.rowid AS id, serial, amount_fen, place.id AS place
  FROM {side}_line AS line JOIN place ON place.side = '{side}' AND place.county = line.county AND place.fund = line.fund;
"""
_FIRST = """
CREATE TABLE {side}_duplicate AS
  SELECT placed.* FROM {side}_placed AS placed
  JOIN (SELECT serial, min(id) AS first_id FROM {side}_placed GROUP BY serial HAVING count(*) > 1) USING (serial)
  WHERE placed.id <> first_id;
CREATE VIEW {side}_first AS
  SELECT * FROM {side}_placed AS placed ANTI JOIN {side}_duplicate AS duplicate ON duplicate.id = placed.id;
"""
_DIFFERENCES = """
CREATE TABLE difference AS
SELECT CASE WHEN r.id IS NULL THEN 'only_left' WHEN l.id IS NULL THEN 'only_right'
    WHEN l.amount_fen <> r.amount_fen THEN 'amount_mismatch' ELSE 'place_mismatch' END AS kind,
  coalesce(l.serial, r.serial) AS serial,
  l.id AS left_id, l.place AS left_place, l.amount_fen AS left_amount_fen,
  r.id AS right_id, r.place AS right_place, r.amount_fen AS right_amount_fen
FROM left_first AS l FULL JOIN right_first AS r ON l.serial = r.serial
WHERE l.id IS NULL OR r.id IS NULL OR l.amount_fen <> r.amount_fen OR l.place <> r.place
UNION ALL SELECT 'duplicate_left', serial, id, place, amount_fen, NULL, NULL, NULL FROM left_duplicate
UNION ALL SELECT 'duplicate_right', serial, NULL, NULL, NULL, id, place, amount_fen FROM right_duplicate
"""
_LISTED = """
COPY (
  SELECT kind, serial,
    left_id + {left} AS left_row, l.county_code AS left_county, l.fund_key AS left_fund, left_amount_fen,
    right_id + {right} AS right_row, r.county_code AS right_county, r.fund_key AS right_fund, right_amount_fen
  FROM difference
  LEFT JOIN (SELECT DISTINCT id, county_code, fund_key FROM place) AS l ON l.id = left_place
  LEFT JOIN (SELECT DISTINCT id, county_code, fund_key FROM place) AS r ON r.id = right_place
  ORDER BY list_position({kinds}, kind), left_id, right_id
) TO ? (FORMAT parquet)
"""

_FAULTS: Mapping[str, tuple[str, str, str]] = {
    # fault: column, what is expected in Chinese and English
    "serial_empty": ("serial", "流水号不得为空", "a serial, not an empty cell"),
    "serial_long": (
        "serial",
        f"流水号至多 {_TEXT_CHARACTERS} 个字符",
        f"at most {_TEXT_CHARACTERS} characters",
    ),
    "serial_control": (
        "serial",
        "流水号不得含制表符、换行等控制字符",
        "a serial without tabs or other control characters",
    ),
    "serial_rounded": (
        "serial",
        "完整的流水号：电子表格已把它改成科学计数，后面的数字丢失",
        "the whole serial: a spreadsheet turned it into scientific notation and its digits are lost",
    ),
    "amount_empty": ("amount_fen", "以分为单位的整数，不得为空", "an integer of fen, not an empty cell"),
    "amount_not_integer": (
        "amount_fen",
        "以分为单位的整数，如 1250 或 -1250，无小数点、空格、千分位和全角数字",
        "an integer of fen such as 1250 or -1250: no point, space, thousands separator or full-width digit",
    ),
    "amount_range": ("amount_fen", "64 位以内的整数", "an integer within 64 bits"),
    "county_empty": ("county", "县区不得为空", "a county, not an empty cell"),
    "fund_empty": ("fund", "险种不得为空", "a fund, not an empty cell"),
    "county_text": ("county", "不含控制字符的短文本", "a short text without control characters"),
    "fund_text": ("fund", "不含控制字符的短文本", "a short text without control characters"),
}


@dataclass(frozen=True)
class _Source:
    """One side: its file as it was read, and how the columns are called there. ``survey`` is None for Parquet."""

    side: Side
    path: Path
    columns: Columns
    file: DetailFile
    survey: CsvSurvey | None

    @property
    def first_row(self) -> int:
        """The number of the first line of details: the header of a CSV is row 1."""
        return 1 if self.survey is None else 2

    def place_of(self, rowid: int) -> tuple[str, str]:
        """Where a row stands, in Chinese and English."""
        row = rowid + self.first_row
        if self.survey is None:
            return f"第 {row} 行", f"row {row}"
        line = detail_files.line_of(self.path, self.survey, row)
        return f"第 {line} 行", f"line {line}"


@dataclass(frozen=True, slots=True)
class _Group:
    """All rows of a side with one county and one fund as written."""

    county: str
    fund: str
    first: int
    rows: int
    total_fen: int


@dataclass(frozen=True)
class DetailComparer:
    """A finished comparison in its temporary folder; use as made by ``compare``."""

    comparison: DetailComparison
    _database: duckdb.DuckDBPyConnection
    _folder: Path
    _sources: Mapping[Side, _Source]

    def list_differences(self) -> Path:
        """The differing lines as a Parquet file in the temporary folder, in the order of Difference and the files."""
        target = self._folder / "differences.parquet"
        first_rows = {side.value: source.first_row for side, source in self._sources.items()}
        kinds = [kind.value for kind in Difference]
        self._database.execute(_LISTED.format(**first_rows, kinds=kinds), [str(target)])
        return target

    def differences(self, listed: Path, most: int) -> Iterator[tuple[Any, ...]]:
        """The first ``most`` rows of the list."""
        found = self._database.execute("SELECT * FROM read_parquet(?) LIMIT ?", [str(listed), most])
        while rows := found.fetchmany(10_000):
            yield from rows


def find_differences(database: duckdb.DuckDBPyConnection, _folder: Path) -> None:
    """Make the table ``difference`` from the placed lines of both sides: all of them, or all with some serials."""
    for side in Side:
        database.execute(_FIRST.format(side=side))
    database.execute(_DIFFERENCES)


@contextmanager
def compare(
    left: tuple[Path | str, Columns],
    right: tuple[Path | str, Columns],
    city: CityPlaces | None = None,
    *,
    find: Callable[[duckdb.DuckDBPyConnection, Path], None] = find_differences,
) -> Generator[DetailComparer, None, None]:
    """Compare two files, paths or addresses; the comparison's database lives as long as the ``with`` block.

    With a city, counties and funds are found in its register; without a city their texts stand as written.
    ``find`` finds the lines that differ, with the comparison's database and folder. Raises InputError for a
    file, line or value that cannot be taken, ServiceUnavailable when the temporary folder cannot hold what is
    needed or a place of files does not answer.
    """
    with _storage_errors(), tempfile.TemporaryDirectory(prefix="fundpool-reconcile-") as name:
        folder = Path(name).resolve()
        files = {
            side: (detail_files.local_file(given, folder / f"{side}.copy"), columns)
            for side, (given, columns) in ((Side.LEFT, left), (Side.RIGHT, right))
        }
        states = {path: detail_files.open_file(path) for path, _ in files.values()}
        surveys = {
            side: None if detail_files.is_parquet(path) else detail_files.survey_csv(path)
            for side, (path, _) in files.items()
        }
        with closing(open_database(folder, list(states))) as database:
            sources = {
                side: _Loading(
                    database, folder, side, path=path, columns=columns, survey=surveys[side]
                ).source()
                for side, (path, columns) in files.items()
            }
            # The lines are committed, which gives rows their numbers; what follows is not for keeping.
            database.execute("BEGIN")
            comparison = _compare(database, sources, city, find=lambda: find(database, folder))
            for path, state in states.items():
                detail_files.require_same(path, state)
            yield DetailComparer(comparison, database, folder, _sources=sources)


@contextmanager
def _storage_errors() -> Generator[None, None, None]:
    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException, OSError) as error:
        folder = os.environ.get("TMPDIR", "/tmp")  # noqa: S108 - named in the message, not used
        what = printable(str(error).split("\n", maxsplit=1)[0], 200)
        raise ServiceUnavailable(
            "comparison_storage",
            f"比对所需的临时空间不足或不可用（{folder}）：{what}",
            f"the comparison's temporary space is short or cannot be used ({folder}): {what}",
            remedy="腾出磁盘空间，或用环境变量 TMPDIR 指定别的目录后重试 / free some space or name another folder in TMPDIR, then run again",
        ) from error


def open_database(folder: Path, files: Sequence[Path] = ()) -> duckdb.DuckDBPyConnection:
    """A database that reaches the folder and the files and nothing else; its configuration is locked."""
    settings: dict[str, Any] = {
        "temp_directory": str(folder / "spill"),
        "memory_limit": MEMORY,
        "threads": _THREADS,
        "preserve_insertion_order": True,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "allow_persistent_secrets": False,
        "python_enable_replacements": False,
    }
    database = duckdb.connect(folder / "comparison.duckdb", config=settings)
    readable = [str(file.resolve()) for file in files if detail_files.is_plain_path(file.resolve())]
    database.execute(f"SET allowed_directories = ['{_quoted(folder)}']")
    database.execute(f"SET allowed_paths = {readable}")
    database.execute("SET enable_progress_bar = false")  # it would be drawn on stdout, where the JSON goes
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")
    return database


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


# --- reading ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Loading:
    """Makes one side's file a table of the database. ``survey`` is what a CSV's bytes count; None for Parquet."""

    database: duckdb.DuckDBPyConnection
    folder: Path
    side: Side
    path: Path
    columns: Columns
    survey: CsvSurvey | None

    def source(self) -> _Source:
        """The side's lines as a table in the order of the file. Raises InputError."""
        survey = self.survey
        if survey is None:
            self._take_parquet()
            file = DetailFile(shown(self.path), detail_files.sha256_of(self.path), "parquet", encoding=None)
        else:
            header = detail_files.read_header(self.path, survey.encoding)
            places = detail_files.positions(self.path, header, self.columns)
            if not self._took_as_it_is(survey, len(header), places):
                self._take_rewritten(survey, places)
            file = DetailFile(shown(self.path), survey.sha256, "csv", encoding=survey.encoding)
        return _Source(self.side, self.path, self.columns, file=file, survey=survey)

    def _took_as_it_is(self, survey: CsvSurvey, width: int, places: Sequence[int]) -> bool:
        """Whether DuckDB took every line of the file, and every field of every line, as the survey counted them.

        It passes over blank lines and an empty field too many; the counts do not.
        """
        real = self.path.resolve()
        if not survey.is_even or survey.commas != (survey.rows + 1) * (width - 1):
            return False
        if not detail_files.is_plain_path(real):
            return False
        try:
            self._take_csv(real, width, places)
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            return False
        return self._rows() == survey.rows

    def _take_rewritten(self, survey: CsvSurvey, places: Sequence[int]) -> None:
        plain = self.folder / f"{self.side}.csv"
        rows = detail_files.rewrite(self.path, survey, places, target=plain)
        self._take_csv(plain, len(DETAIL_COLUMNS), range(len(DETAIL_COLUMNS)))
        taken = self._rows()
        assert taken == rows, f"{self.side}: {taken} of {rows} rows"
        plain.unlink()

    def _take_csv(self, path: Path, width: int, places: Sequence[int]) -> None:
        names = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(width))
        self._take(_FROM_CSV.format(*places, names=names), path)

    def _take_parquet(self) -> None:
        real = self.path.resolve()
        if not detail_files.is_plain_path(real):
            real = Path(shutil.copyfile(real, self.folder / f"{self.side}.parquet"))
        try:
            described = self.database.execute(
                "DESCRIBE SELECT * FROM read_parquet(?, hive_partitioning=false)", [str(real)]
            ).fetchall()
            header = [str(row[0]) for row in described]
            places = detail_files.positions(self.path, header, self.columns)
            for column, place in zip(DETAIL_COLUMNS, places, strict=True):
                _require_exact(self.path, header[place], str(described[place][1]), column=column)
            names = ", ".join(f"c{number}" for number in range(len(header)))
            self._take(_FROM_PARQUET.format(*places, names=names), real)
            self._rows()
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            what = printable(str(error).split("\n", maxsplit=1)[0], 200)
            raise detail_files.damaged(self.path, what, what) from error

    def _take(self, source: str, path: Path) -> None:
        self.database.execute(f"DROP TABLE IF EXISTS {self.side}_line")
        load = _LOAD.format(side=self.side, source=source, longest=_TEXT_CHARACTERS, blank=_BLANK)
        self.database.execute(load, [str(path)])

    def _rows(self) -> int:
        """How many rows were taken: their numbers run without a gap."""
        count, last = _first_row(
            self.database, f"SELECT count(*), coalesce(max(rowid), -1) FROM {self.side}_line"
        )
        assert last == count - 1, f"{self.side}: row numbers run to {last} in {count} rows"
        return int(count)


def _require_exact(path: Path, name: str, found: str, *, column: str) -> None:
    if _EXACT_TYPE.fullmatch(found):
        return
    what = printable(found)
    is_amount = column == "amount_fen"
    expected_zh, expected_en = ("整数", "an integer") if is_amount else ("文本或整数", "text or an integer")
    raise InputError(
        "detail_type",
        f"{shown(path)} 列 {printable(name)}：类型为 {what}，应为{expected_zh}",
        f"{shown(path)} column {printable(name)}: the type is {what}, expected {expected_en}",
        remedy="浮点数会丢失位数：金额以分为单位导出为整数，流水号导出为文本 / floating point loses digits: "
        "export amounts as integers of fen and serials as text",
    )


def _first_row(database: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    found: tuple[Any, ...] | None = database.execute(query).fetchone()
    assert found is not None
    return found


# --- values -------------------------------------------------------------------------------------


def _groups(database: duckdb.DuckDBPyConnection, source: _Source, city: CityPlaces | None) -> list[_Group]:
    """The side's rows by county and fund as written. Raises InputError for the first value that cannot stand."""
    side = source.side
    groups = [
        _Group(*row)
        for row in database.execute(
            f"SELECT coalesce(county, ''), coalesce(fund, ''), min(rowid), count(*), coalesce(sum(amount_fen), 0) "
            f"FROM {side}_line GROUP BY ALL ORDER BY min(rowid) LIMIT {_PLACES + 1}"
        ).fetchall()
    ]
    faults = [
        (int(rowid), str(fault), str(found or ""))
        for rowid, fault, found in database.execute(
            f"SELECT rowid, fault, found FROM {side}_line WHERE fault IS NOT NULL ORDER BY rowid LIMIT 1"
        ).fetchall()
    ]
    for group in groups:
        faults += [(group.first, *fault) for fault in _place_faults(group, city)]
    if faults:
        (more,) = _first_row(database, f"SELECT count(*) FROM {side}_line WHERE fault IS NOT NULL")
        line, fault, found = min(faults)
        raise _fault(source, line, fault, found=found, city=city, more=int(more))
    if len(groups) > _PLACES:
        raise InputError(
            "detail_places",
            f"{source.file.file}：不同的县区与险种超过 {_PLACES} 组，列对应有误",
            f"{source.file.file}: over {_PLACES} different counties and funds; the columns are mapped wrongly",
            remedy="检查 --columns / check --columns",
        )
    return groups


def _place_faults(group: _Group, city: CityPlaces | None) -> Iterator[tuple[str, str]]:
    for column, text in (("county", group.county), ("fund", group.fund)):
        if not text.strip(_BLANK):
            yield f"{column}_empty", text
        elif len(text) > _TEXT_CHARACTERS or _CONTROL.search(text):
            yield f"{column}_text", text
        elif city is not None and (city.county if column == "county" else city.fund)(text) is None:
            yield f"{column}_unknown", text


def _fault(
    source: _Source, rowid: int, fault: str, *, found: str, city: CityPlaces | None, more: int
) -> InputError:
    if city is not None and fault == "county_unknown":
        expected = (
            "county",
            f"{city.name}的县区：{city.counties}",
            f"a county of {city.name}: {city.counties}",
        )
    elif city is not None and fault == "fund_unknown":
        expected = ("fund", f"{city.name}的险种：{city.funds}", f"a fund of {city.name}: {city.funds}")
    else:
        expected = _FAULTS[fault]
    column, expected_zh, expected_en = expected
    name = printable(source.columns[column])
    where_zh, where_en = source.place_of(rowid)
    what = printable(found)
    others_zh = f"；至少 {more} 行有误" if more > 1 else ""
    others_en = f"; at least {more} rows are wrong" if more > 1 else ""
    return InputError(
        "detail_value",
        f"{source.file.file} {where_zh} 列 {name}：为「{what}」，应为：{expected_zh}{others_zh}",
        f"{source.file.file} {where_en} column {name}: found '{what}', expected {expected_en}{others_en}",
        remedy="在原系统更正后重新导出；没有比对任何一行 / mend it at its source and export again; nothing was compared",
    )


# --- comparing ----------------------------------------------------------------------------------


def _compare(
    database: duckdb.DuckDBPyConnection,
    sources: Mapping[Side, _Source],
    city: CityPlaces | None,
    *,
    find: Callable[[], None],
) -> DetailComparison:
    def place_of(group: _Group) -> tuple[str, str]:
        if city is None:
            return group.county, group.fund
        return city.county(group.county) or "", city.fund(group.fund) or ""

    placed = [
        (side, group, place_of(group)) for side in Side for group in _groups(database, sources[side], city)
    ]
    places = sorted({place for _, _, place in placed})
    numbers = {place: number for number, place in enumerate(places)}
    rows = [(side.value, group.county, group.fund, numbers[place], *place) for side, group, place in placed]
    database.execute(
        "CREATE TABLE place (side VARCHAR, county VARCHAR, fund VARCHAR, id INTEGER, county_code VARCHAR, fund_key VARCHAR)"
    )
    if rows:
        database.execute(
            "INSERT INTO place SELECT unnest(?), unnest(?), unnest(?), unnest(?), unnest(?), unnest(?)",
            [list(column) for column in zip(*rows, strict=True)],
        )
    for side in Side:
        database.execute(_PLACED.format(side=side))
    find()
    counts: list[Counter[str]] = [Counter() for _ in places]
    for side, group, place in placed:
        counts[numbers[place]].update({f"{side}_rows": group.rows, f"total_{side}_fen": group.total_fen})
    for kind, number, lines in database.execute(
        "SELECT kind, coalesce(left_place, right_place), count(*) FROM difference GROUP BY ALL"
    ).fetchall():
        counts[number][kind] = lines
    return DetailComparison(
        sources[Side.LEFT].file,
        sources[Side.RIGHT].file,
        tuple(_place_counts(place, count) for place, count in zip(places, counts, strict=True)),
    )


def _place_counts(place: tuple[str, str], count: Counter[str]) -> PlaceCounts:
    named: dict[str, Any] = {name: count[name] for name in COUNTS if name != "matched"}
    other = ("duplicate_left", "only_left", "amount_mismatch", "place_mismatch")
    return PlaceCounts(*place, matched=count["left_rows"] - sum(count[name] for name in other), **named)
