"""Rules over several cells of a row, exact on integer fen, for which Great Expectations has no expectation.

A rule is a function of the columns it reads. It marks the cells that break it and, where it compares, gives
the amounts those cells should hold. Great Expectations asks whether a row has no such cell; a finding takes
its cell and its expected amount from the same function. Every rule except ``stated`` accepts a missing
amount, because a blank required cell has a finding of its own.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import MulticolumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import MulticolumnMapMetricProvider
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (
    multicolumn_condition_partial,
)


class Cells(NamedTuple):
    """The answer of a rule: a column for each field that can break it, with the index of the rows judged.

    ``wrong`` is True where the cell breaks the rule. ``expected`` holds the amounts in fen to compare with;
    None if the rule compares with nothing. It may lack rows in which nothing is wrong.
    """

    wrong: pd.DataFrame
    expected: pd.DataFrame | None = None


def stated(values: pd.DataFrame) -> Cells:
    """Every cell holds a value: blank is unknown, never nil."""
    return Cells(values.isna())


def not_left_blank(labels: pd.DataFrame) -> Cells:
    """No label is an empty text; None means that the label is not judged on this row."""
    return Cells(labels == "")


def not_negative(amounts: pd.DataFrame) -> Cells:
    """No amount is below nil."""
    return Cells((amounts < 0).fillna(value=False))


def nil_for_fund(values: pd.DataFrame, *, fund: str) -> Cells:
    """Every amount is nil in the rows of this fund; the first column names the fund of the row."""
    amounts = values.iloc[:, 1:]
    return Cells((amounts != 0).fillna(value=False).mul(values.iloc[:, 0] == fund, axis=0))


def compared(amounts: pd.DataFrame, *, relation: Literal["eq", "le", "ge"]) -> Cells:
    """Column 1 = (≤, ≥) column 2, column 3 = (≤, ≥) column 4, …; the first column of each pair is at fault."""
    left = amounts.iloc[:, ::2]
    right = amounts.iloc[:, 1::2].set_axis(left.columns, axis=1)
    return Cells(~getattr(left, relation)(right).fillna(value=True).astype(bool), right)


def control_totals(amounts: pd.DataFrame) -> Cells:
    """Columns 1, 3, … (control totals) equal columns 2, 4, … (sums of the rows).

    Where one of them does not, the control totals whose sum is unknown are named with it.
    """
    answer = compared(amounts, relation="eq")
    unknown = amounts.iloc[:, 1::2].isna().set_axis(answer.wrong.columns, axis=1)
    incomparable = amounts.iloc[:, ::2].notna() & unknown
    return answer._replace(wrong=answer.wrong | incomparable.mul(answer.wrong.any(axis=1), axis=0))


def signed_sum(
    amounts: pd.DataFrame, *, signs: Sequence[int], at_least_nil: bool = False, optional: Sequence[str] = ()
) -> Cells:
    """The first column equals the signed sum of the others (not below nil if ``at_least_nil``).

    Columns named in ``optional`` count as nil where they are missing.
    """
    total, *parts = amounts.columns
    # As Python's integers: those of 64 bits would overflow without an error.
    known = amounts.fillna(dict.fromkeys(optional, 0)).dropna().astype(object)
    expected = (known[parts] * list(signs)).sum(axis=1)
    if at_least_nil:
        expected = expected.clip(lower=0)
    wrong = (known[total] != expected).reindex(amounts.index, fill_value=False)
    return Cells(wrong.to_frame(total), expected.to_frame(total))


def continued(amounts: pd.DataFrame) -> Cells:
    """Column 1 = column 2 + column 3, column 4 = column 5 + column 6, …; the first column of each three is at fault."""
    total = amounts.iloc[:, ::3]
    before, since = (amounts.iloc[:, at::3].set_axis(total.columns, axis=1) for at in (1, 2))
    expected = before + since
    return Cells(~total.eq(expected).fillna(value=True).astype(bool), expected)


def near(amounts: pd.DataFrame, *, low_percent: int, high_percent: int) -> Cells:
    """Column 1 lies between these percentages of column 2, where both are above nil."""
    field, usual = amounts.columns
    known = amounts[(amounts > 0).fillna(value=False).all(axis=1)].astype(object)  # exact, as in signed_sum
    hundredfold = known[field] * 100
    wrong = (hundredfold < known[usual] * low_percent) | (hundredfold > known[usual] * high_percent)
    return Cells(
        wrong.reindex(amounts.index, fill_value=False).to_frame(field),
        amounts[[usual]].set_axis([field], axis=1),
    )


RULES: dict[str, Callable[..., Cells]] = {
    rule.__name__: rule
    for rule in (
        stated,
        not_left_blank,
        not_negative,
        nil_for_fund,
        compared,
        control_totals,
        signed_sum,
        continued,
        near,
    )
}
"""The rules by name, because Great Expectations passes only plain values to its metrics."""


class _CellsFollowRule(MulticolumnMapMetricProvider):
    condition_metric_name = "multicolumn_values.cells_follow_rule"
    condition_domain_keys = (
        "batch_id", "table", "column_list", "row_condition", "condition_parser", "ignore_row_if",
    )  # fmt: skip
    condition_value_keys = ("rule", "options")

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **kwargs: Any) -> "pd.Series[bool]":  # noqa: N805 - a class method by decorator
        return ~RULES[kwargs["rule"]](column_list, **kwargs["options"]).wrong.any(axis=1)


class ExpectCellsToFollowRule(MulticolumnMapExpectation):
    """Expect the listed columns to follow a rule of ``RULES`` in every row."""

    rule: str
    options: dict[str, Any]
    ignore_row_if: Literal["all_values_are_missing", "any_value_is_missing", "never"] = "never"

    map_metric: ClassVar[str] = "multicolumn_values.cells_follow_rule"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "rule", "options")
    args_keys: ClassVar[tuple[str, ...]] = ("column_list", "rule", "options")

    def cells(self, rows: pd.DataFrame) -> Cells:
        """The cells of ``rows`` that break the rule, with the amounts expected there."""
        return RULES[self.rule](rows[self.column_list], **self.options)


def cells(rule: Callable[..., Cells], columns: Sequence[str], **options: Any) -> ExpectCellsToFollowRule:
    """The expectation that ``columns`` follow ``rule``; ``options`` are the rule's own arguments."""
    return ExpectCellsToFollowRule(column_list=list(columns), rule=rule.__name__, options=options)


def equal(column: str, other: str) -> gxe.ExpectColumnPairValuesToBeEqual:
    """The expectation that two columns are equal wherever both have a value; the first is at fault."""
    return gxe.ExpectColumnPairValuesToBeEqual(
        column_A=column, column_B=other, ignore_row_if="either_value_is_missing"
    )
