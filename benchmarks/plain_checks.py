"""The suites' checks as plain Python loops over rows: what judging costs without its framework.

The questions and their columns are taken from the suites' own expectations, so both ways ask the
same; only the evaluation is another. It stands in for ``expectations.runner``'s validation.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from expectations.checks import Check, Suite

Row = Mapping[str, Any]
Holds = Callable[[Row], bool]

_prepared: dict[int, tuple[Check, Any]] = {}


def validate(checks: Sequence[Check], rows: Sequence[Row], _suite: Suite) -> dict[int, list[int] | None]:
    """Per check (by place): the indexes of the rows that fail it."""
    failed: dict[int, list[int] | None] = {}
    for number, check in enumerate(checks):
        _, asked = _prepared.setdefault(id(check), (check, check.expectation(number)))
        holds = QUESTIONS[type(asked).__name__](asked, rows)
        failed[number] = [index for index, row in enumerate(rows) if not holds(row)]
    return failed


def _not_null(asked: Any, _rows: Sequence[Row]) -> Holds:
    return lambda row: row[asked.column] is not None


def _null(asked: Any, _rows: Sequence[Row]) -> Holds:
    return lambda row: row[asked.column] is None


def _not_in_set(asked: Any, _rows: Sequence[Row]) -> Holds:
    return lambda row: row[asked.column] is None or row[asked.column] not in asked.value_set


def _in_set(asked: Any, _rows: Sequence[Row]) -> Holds:
    return lambda row: row[asked.column] is None or row[asked.column] in asked.value_set


def _matching(asked: Any, _rows: Sequence[Row]) -> Holds:
    return lambda row: row[asked.column] is None or bool(re.match(asked.regex, str(row[asked.column])))


def _between(asked: Any, _rows: Sequence[Row]) -> Holds:
    return lambda row: row[asked.column] is None or asked.min_value <= row[asked.column] <= asked.max_value


def _pair_equal(asked: Any, _rows: Sequence[Row]) -> Holds:
    ignores_missing = str(asked.ignore_row_if) == "either_value_is_missing"

    def holds(row: Row) -> bool:
        left, right = row[asked.column_A], row[asked.column_B]
        return (ignores_missing and (left is None or right is None)) or left == right

    return holds


def _unique(asked: Any, rows: Sequence[Row]) -> Holds:
    def key(row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in asked.column_list)

    times = Counter(key(row) for row in rows)
    return lambda row: all(part is None for part in key(row)) or times[key(row)] == 1


def _stated(asked: Any, _rows: Sequence[Row]) -> Holds:
    return lambda row: all(row[name] is not None for name in asked.column_list)


def _not_negative(asked: Any, _rows: Sequence[Row]) -> Holds:
    return lambda row: all((row[name] or 0) >= 0 for name in asked.column_list)


def _nil(asked: Any, _rows: Sequence[Row]) -> Holds:
    return lambda row: all((row[name] or 0) == 0 for name in asked.column_list)


def _pairs(asked: Any, holds: Callable[[Any, Any], bool]) -> Holds:
    pairs = list(zip(asked.column_list[::2], asked.column_list[1::2], strict=True))
    return lambda row: all(
        row[left] is None or row[right] is None or holds(row[left], row[right]) for left, right in pairs
    )


def _signed_sum(asked: Any, _rows: Sequence[Row]) -> Holds:
    total, *parts = asked.column_list

    def holds(row: Row) -> bool:
        amounts = [0 if row[part] is None and part in asked.optional else row[part] for part in parts]
        if row[total] is None or None in amounts:
            return True
        expected = sum(amount * sign for amount, sign in zip(amounts, asked.signs, strict=True))
        return bool(row[total] == (max(expected, 0) if asked.at_least_nil else expected))

    return holds


def _near(asked: Any, _rows: Sequence[Row]) -> Holds:
    amount, usual = asked.column_list

    def holds(row: Row) -> bool:
        found, normal = row[amount], row[usual]
        if found is None or normal is None or found <= 0 or normal <= 0:
            return True
        return bool(normal * asked.low_percent <= found * 100 <= normal * asked.high_percent)

    return holds


QUESTIONS: dict[str, Callable[[Any, Sequence[Row]], Holds]] = {
    "ExpectColumnValuesToNotBeNull": _not_null,
    "ExpectColumnValuesToBeNull": _null,
    "ExpectColumnValuesToNotBeInSet": _not_in_set,
    "ExpectColumnValuesToBeInSet": _in_set,
    "ExpectColumnValuesToMatchRegex": _matching,
    "ExpectColumnValuesToBeBetween": _between,
    "ExpectColumnPairValuesToBeEqual": _pair_equal,
    "ExpectCompoundColumnsToBeUnique": _unique,
    "ExpectValuesToBeStated": _stated,
    "ExpectAmountsNotToBeNegative": _not_negative,
    "ExpectAmountsToBeNil": _nil,
    "ExpectPairsToBeEqual": lambda asked, _rows: _pairs(asked, lambda left, right: bool(left == right)),
    "ExpectPairsToBeOrdered": lambda asked, _rows: _pairs(asked, lambda left, right: bool(left <= right)),
    "ExpectSignedSumToEqual": _signed_sum,
    "ExpectAmountToBeNearTo": _near,
}
"""How each kind of expectation that the suites use is asked of one row."""
