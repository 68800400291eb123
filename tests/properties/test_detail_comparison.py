"""The comparison of payment details says what a plain comparison in dictionaries says, and adds up."""

import csv
import io
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from fundpool.adapters.details.detail_comparison import compare
from fundpool.services.documents.detail_comparison import COUNTS, DETAIL_COLUMNS, DetailComparison, Difference
from tests.properties import examples

Line = tuple[str, str, str, int]
WRITER = duckdb.connect()
COLUMNS = {name: name for name in DETAIL_COLUMNS}

serials = st.sampled_from(
    [
        "1",
        "01",
        "001",
        "000000000000000000001",
        "1.0",
        "1e5",
        "-1",
        "a,b",
        'q"q',
        '="01"',
        "流水１",
        "x x",
        "NULL",
        "#1",
    ]
) | st.text(st.characters(codec="gb18030", exclude_categories=("Cc", "Cs")), min_size=1, max_size=6).filter(
    lambda text: text.strip(" \u00a0\u3000") != ""
)
amounts = st.integers(-3, 3) | st.sampled_from([2**63 - 1, -(2**63), 0])
line = st.tuples(
    serials, st.sampled_from(["331002", "椒江区", "a"]), st.sampled_from(["310", "390"]), amounts
)


@st.composite
def two_sides(draw: st.DrawFn) -> tuple[list[Line], list[Line]]:
    """Two lists of lines that have most of their serials, and many whole lines, in common."""
    left = draw(st.lists(line, max_size=25))
    kept = [each for each in left if draw(st.integers(0, 4))]
    touched = [(each[0], *draw(line)[1:]) if not draw(st.integers(0, 3)) else each for each in kept]
    return left, list(draw(st.permutations([*touched, *draw(st.lists(line, max_size=6))])))


def plain(
    left: list[Line], right: list[Line]
) -> tuple[Counter[str], set[tuple[str, int | None, int | None]]]:
    """Counts, and the differing lines by kind and index: dictionaries only."""
    firsts: list[dict[str, int]] = []
    found: set[tuple[str, int | None, int | None]] = set()
    for side, rows in (("left", left), ("right", right)):
        first: dict[str, int] = {}
        for number, (serial, *_) in enumerate(rows):
            if first.setdefault(serial, number) != number:
                place = (number, None) if side == "left" else (None, number)
                found.add((f"duplicate_{side}", *place))
        firsts.append(first)
    counts: Counter[str] = Counter()
    for serial in firsts[0].keys() | firsts[1].keys():
        here, there = firsts[0].get(serial), firsts[1].get(serial)
        if here is None or there is None:
            found.add(("only_right" if here is None else "only_left", here, there))
        elif left[here] == right[there]:
            counts["matched"] += 1
        else:
            same = left[here][3] == right[there][3]
            found.add(("place_mismatch" if same else "amount_mismatch", here, there))
    counts.update(kind for kind, _, _ in found)
    counts["left_rows"], counts["right_rows"] = len(left), len(right)
    counts["total_left_fen"] = sum(row[3] for row in left)
    counts["total_right_fen"] = sum(row[3] for row in right)
    return counts, found


def write(path: Path, rows: list[Line], form: str) -> int:
    """The lines as a file; the number of its first line of data."""
    if form == "parquet":
        WRITER.execute(
            "CREATE OR REPLACE TABLE t (serial VARCHAR, county VARCHAR, fund VARCHAR, amount_fen BIGINT)"
        )
        if rows:
            WRITER.execute(
                "INSERT INTO t SELECT unnest(?), unnest(?), unnest(?), unnest(?)",
                [list(column) for column in zip(*rows, strict=True)],
            )
        WRITER.execute("COPY t TO ? (FORMAT parquet)", [str(path)])
        return 1
    encoding, end, quoting = {
        "utf-8": ("utf-8", "\n", csv.QUOTE_MINIMAL),
        "excel": ("utf-8-sig", "\r\n", csv.QUOTE_ALL),
        "gb18030": ("gb18030", "\r\n", csv.QUOTE_MINIMAL),
    }[form]
    text = io.StringIO()
    csv.writer(text, lineterminator=end, quoting=quoting).writerows([DETAIL_COLUMNS, *rows])  # type: ignore[arg-type]
    path.write_bytes(text.getvalue().encode(encoding))
    return 2


forms = st.sampled_from(["utf-8", "excel", "gb18030", "parquet"])


@settings(max_examples=examples(12), deadline=None)
@given(two_sides(), forms, forms)
def test_the_comparison_is_that_of_two_dictionaries_and_every_line_is_counted_once(
    sides: tuple[list[Line], list[Line]], left_form: str, right_form: str
) -> None:
    left, right = sides
    with tempfile.TemporaryDirectory() as name:
        left_file, right_file = Path(name, "left"), Path(name, "right")
        first_left, first_right = write(left_file, left, left_form), write(right_file, right, right_form)
        with compare((left_file, COLUMNS), (right_file, COLUMNS)) as comparer:
            comparison = comparer.comparison
            listed = list(comparer.differences(comparer.list_differences(), 1_000))
    counts, found = plain(left, right)
    assert {kind: comparison.count(kind) for kind in COUNTS} == {kind: counts[kind] for kind in COUNTS}
    assert {
        (
            row[0],
            None if row[2] is None else row[2] - first_left,
            None if row[6] is None else row[6] - first_right,
        )
        for row in listed
    } == found
    assert len(listed) == len(found) == comparison.differing
    require_the_lines_as_they_were(listed, left, right, first_left, first_right)
    require_sums(comparison, left, right)


def require_the_lines_as_they_were(
    listed: list[tuple[Any, ...]], left: list[Line], right: list[Line], first_left: int, first_right: int
) -> None:
    for _, serial, *sides in listed:
        for rows, first, (number, *rest) in ((left, first_left, sides[:4]), (right, first_right, sides[4:])):
            assert rest == [None] * 3 if number is None else (serial, *rest) == rows[number - first]
    order = [(list(Difference).index(row[0]), row[2] or 0, row[6] or 0) for row in listed]
    assert order == sorted(order)


def require_sums(comparison: DetailComparison, left: list[Line], right: list[Line]) -> None:
    assert [(place.county, place.fund) for place in comparison.places] == sorted(
        {row[1:3] for row in left + right}
    )
    pairs = (
        comparison.count("matched") + comparison.count("amount_mismatch") + comparison.count("place_mismatch")
    )
    assert pairs + comparison.count("only_left") + comparison.count("duplicate_left") == len(left)
    assert pairs + comparison.count("only_right") + comparison.count("duplicate_right") == len(right)
    for place in comparison.places:
        here = (place.county, place.fund)
        assert place.left_rows == sum(row[1:3] == here for row in left)
        assert place.total_left_fen == sum(row[3] for row in left if row[1:3] == here)
        assert place.right_rows == sum(row[1:3] == here for row in right)
        assert place.total_right_fen == sum(row[3] for row in right if row[1:3] == here)
