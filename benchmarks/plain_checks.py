"""The suites' checks as plain Python loops over rows: what judging costs without its framework.

The rules and their columns are taken from the suites' own expectations, so both ways judge the same;
only the evaluation differs. It stands in for ``expectations.runner.failing_rows``.
"""

import operator
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from expectations.arithmetic import ExpectCellsToFollowRule
from expectations.checks import Check

Row = Mapping[str, Any]
Holds = Callable[[Row], bool]


def failing_rows(checks: Sequence[Check], frame: pd.DataFrame) -> dict[str, list[int]]:
    """Per check, by its code: the indexes of the rows that fail it."""
    rows: Any = frame.astype(object).where(frame.notna(), None).to_dict("records")
    failing = {}
    for check in checks:
        expect: Any = check.expect
        is_own_rule = isinstance(expect, ExpectCellsToFollowRule)
        holds = RULES[expect.rule if is_own_rule else type(expect).__name__](expect, rows)
        failing[check.code] = [index for index, row in enumerate(rows) if not holds(row)]
    return failing


def _not_null(expect: Any, _rows: Sequence[Row]) -> Holds:
    return lambda row: row[expect.column] is not None


def _null(expect: Any, _rows: Sequence[Row]) -> Holds:
    return lambda row: row[expect.column] is None


def _not_in_set(expect: Any, _rows: Sequence[Row]) -> Holds:
    return lambda row: row[expect.column] is None or row[expect.column] not in expect.value_set


def _in_set(expect: Any, _rows: Sequence[Row]) -> Holds:
    return lambda row: row[expect.column] is None or row[expect.column] in expect.value_set


def _matching(expect: Any, _rows: Sequence[Row]) -> Holds:
    return lambda row: row[expect.column] is None or bool(re.match(expect.regex, str(row[expect.column])))


def _between(expect: Any, _rows: Sequence[Row]) -> Holds:
    return lambda row: (
        row[expect.column] is None or expect.min_value <= row[expect.column] <= expect.max_value
    )


def _pair_equal(expect: Any, _rows: Sequence[Row]) -> Holds:
    ignores_missing = str(expect.ignore_row_if) == "either_value_is_missing"

    def holds(row: Row) -> bool:
        left, right = row[expect.column_A], row[expect.column_B]
        return (ignores_missing and (left is None or right is None)) or left == right

    return holds


def _unique(expect: Any, rows: Sequence[Row]) -> Holds:
    def key(row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in expect.column_list)

    times = Counter(key(row) for row in rows)
    return lambda row: all(part is None for part in key(row)) or times[key(row)] == 1


def _stated(expect: Any, _rows: Sequence[Row]) -> Holds:
    return lambda row: all(row[name] is not None for name in expect.column_list)


def _not_negative(expect: Any, _rows: Sequence[Row]) -> Holds:
    return lambda row: all((row[name] or 0) >= 0 for name in expect.column_list)


def _not_left_blank(expect: Any, _rows: Sequence[Row]) -> Holds:
    return lambda row: all(row[name] != "" for name in expect.column_list)


def _nil_for_fund(expect: Any, _rows: Sequence[Row]) -> Holds:
    fund, *amounts = expect.column_list
    return lambda row: row[fund] != expect.options["fund"] or not any(row[name] for name in amounts)


def _compared(expect: Any, _rows: Sequence[Row]) -> Holds:
    pairs = list(zip(expect.column_list[::2], expect.column_list[1::2], strict=True))
    holds = getattr(operator, expect.options.get("relation", "eq"))
    return lambda row: all(
        row[left] is None or row[right] is None or holds(row[left], row[right]) for left, right in pairs
    )


def _signed_sum(expect: Any, _rows: Sequence[Row]) -> Holds:
    total, *parts = expect.column_list
    options = expect.options

    def holds(row: Row) -> bool:
        amounts = [
            0 if row[part] is None and part in options.get("optional", ()) else row[part] for part in parts
        ]
        if row[total] is None or None in amounts:
            return True
        expected = sum(amount * sign for amount, sign in zip(amounts, options["signs"], strict=True))
        return bool(row[total] == (max(expected, 0) if options.get("at_least_nil") else expected))

    return holds


def _continued(expect: Any, _rows: Sequence[Row]) -> Holds:
    names = expect.column_list
    threes = list(zip(names[::3], names[1::3], names[2::3], strict=True))

    def holds(row: Row) -> bool:
        known = [amounts for three in threes if None not in (amounts := [row[name] for name in three])]
        return all(total == before + since for total, before, since in known)

    return holds


def _near(expect: Any, _rows: Sequence[Row]) -> Holds:
    amount, usual = expect.column_list
    low, high = expect.options["low_percent"], expect.options["high_percent"]

    def holds(row: Row) -> bool:
        found, normal = row[amount], row[usual]
        if found is None or normal is None or found <= 0 or normal <= 0:
            return True
        return bool(normal * low <= found * 100 <= normal * high)

    return holds


RULES: dict[str, Callable[[Any, Sequence[Row]], Holds]] = {
    "ExpectColumnValuesToNotBeNull": _not_null,
    "ExpectColumnValuesToBeNull": _null,
    "ExpectColumnValuesToNotBeInSet": _not_in_set,
    "ExpectColumnValuesToBeInSet": _in_set,
    "ExpectColumnValuesToMatchRegex": _matching,
    "ExpectColumnValuesToBeBetween": _between,
    "ExpectColumnPairValuesToBeEqual": _pair_equal,
    "ExpectCompoundColumnsToBeUnique": _unique,
    "stated": _stated,
    "not_left_blank": _not_left_blank,
    "not_negative": _not_negative,
    "nil_for_fund": _nil_for_fund,
    "compared": _compared,
    "control_totals": _compared,
    "signed_sum": _signed_sum,
    "continued": _continued,
    "near": _near,
}
"""How each expectation of Great Expectations, and each rule of expectations/arithmetic.py, is judged on one row."""
