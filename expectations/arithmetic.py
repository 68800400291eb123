"""Custom expectations: identities between amounts, exact on integer fen.

The columns are pandas Int64 (nullable): one missing amount never turns a column into floats. Each
expectation is a row-wise question over several columns, so the rows that fail come back by index.
"""

from typing import Any, ClassVar, Literal

import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import MulticolumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import MulticolumnMapMetricProvider
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (
    multicolumn_condition_partial,
)

IgnoreRow = Literal["all_values_are_missing", "any_value_is_missing", "never"]
_DOMAIN = ("batch_id", "table", "column_list", "row_condition", "condition_parser", "ignore_row_if")


class _SignedSum(MulticolumnMapMetricProvider):
    condition_metric_name = "multicolumn_values.signed_sum"
    condition_domain_keys = _DOMAIN
    condition_value_keys = ("signs", "at_least_nil", "optional")

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **kwargs: Any) -> "pd.Series[bool]":  # noqa: N805 - a class method by decorator
        signs, at_least_nil = kwargs["signs"], kwargs["at_least_nil"]
        total, *parts = column_list.columns
        column_list = column_list.fillna(dict.fromkeys(kwargs["optional"], 0))
        expected = sum(column_list[part] * sign for part, sign in zip(parts, signs, strict=True))
        if at_least_nil:
            expected = expected.clip(lower=0)
        holds: pd.Series[bool] = column_list[total] == expected
        return holds.fillna(value=True).astype(bool)  # a missing amount is another check's business


class ExpectSignedSumToEqual(MulticolumnMapExpectation):
    """Expect the first column to equal the signed sum of the others (not below nil if ``at_least_nil``).

    Columns named in ``optional`` count as nil where they are missing.
    """

    signs: list[int]
    at_least_nil: bool = False
    optional: tuple[str, ...] = ()
    ignore_row_if: IgnoreRow = "never"

    map_metric: ClassVar[str] = "multicolumn_values.signed_sum"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "signs", "at_least_nil", "optional")
    args_keys: ClassVar[tuple[str, ...]] = ("column_list", "signs")


class _Stated(MulticolumnMapMetricProvider):
    condition_metric_name = "multicolumn_values.stated"
    condition_domain_keys = _DOMAIN
    condition_value_keys = ()

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **kwargs: Any) -> "pd.Series[bool]":  # noqa: N805
        return column_list.notna().all(axis=1)


class ExpectValuesToBeStated(MulticolumnMapExpectation):
    """Expect every listed column to hold a value: blank is unknown, never nil."""

    ignore_row_if: IgnoreRow = "never"
    map_metric: ClassVar[str] = "multicolumn_values.stated"


class _NotNegative(MulticolumnMapMetricProvider):
    condition_metric_name = "multicolumn_values.not_negative"
    condition_domain_keys = _DOMAIN
    condition_value_keys = ()

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **kwargs: Any) -> "pd.Series[bool]":  # noqa: N805
        return (column_list.fillna(0) >= 0).all(axis=1)


class ExpectAmountsNotToBeNegative(MulticolumnMapExpectation):
    """Expect no listed amount to be below nil; missing ones are another check's business."""

    ignore_row_if: IgnoreRow = "never"
    map_metric: ClassVar[str] = "multicolumn_values.not_negative"


class _Nil(MulticolumnMapMetricProvider):
    condition_metric_name = "multicolumn_values.nil"
    condition_domain_keys = _DOMAIN
    condition_value_keys = ()

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **kwargs: Any) -> "pd.Series[bool]":  # noqa: N805
        return (column_list.fillna(0) == 0).all(axis=1)


class ExpectAmountsToBeNil(MulticolumnMapExpectation):
    """Expect every listed amount to be nil or missing."""

    ignore_row_if: IgnoreRow = "never"
    map_metric: ClassVar[str] = "multicolumn_values.nil"


class _PairsEqual(MulticolumnMapMetricProvider):
    condition_metric_name = "multicolumn_values.pairs_equal"
    condition_domain_keys = _DOMAIN
    condition_value_keys = ()

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **kwargs: Any) -> "pd.Series[bool]":  # noqa: N805
        names = list(column_list.columns)
        holds = pd.Series(data=True, index=column_list.index)
        for left, right in zip(names[::2], names[1::2], strict=True):
            holds &= (column_list[left] == column_list[right]).fillna(value=True).astype(bool)
        return holds


class ExpectPairsToBeEqual(MulticolumnMapExpectation):
    """Expect column 1 = column 2, column 3 = column 4, … wherever both are stated."""

    ignore_row_if: IgnoreRow = "never"
    map_metric: ClassVar[str] = "multicolumn_values.pairs_equal"


class _PairsOrdered(MulticolumnMapMetricProvider):
    condition_metric_name = "multicolumn_values.pairs_ordered"
    condition_domain_keys = _DOMAIN
    condition_value_keys = ()

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **kwargs: Any) -> "pd.Series[bool]":  # noqa: N805
        names = list(column_list.columns)
        holds = pd.Series(data=True, index=column_list.index)
        for less, more in zip(names[::2], names[1::2], strict=True):
            holds &= (column_list[less] <= column_list[more]).fillna(value=True).astype(bool)
        return holds


class ExpectPairsToBeOrdered(MulticolumnMapExpectation):
    """Expect column 1 ≤ column 2, column 3 ≤ column 4, … wherever both are stated."""

    ignore_row_if: IgnoreRow = "never"
    map_metric: ClassVar[str] = "multicolumn_values.pairs_ordered"


class _NearTo(MulticolumnMapMetricProvider):
    condition_metric_name = "multicolumn_values.near_to"
    condition_domain_keys = _DOMAIN
    condition_value_keys = ("low_percent", "high_percent")

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **kwargs: Any) -> "pd.Series[bool]":  # noqa: N805
        amount, usual = (column_list[name] for name in column_list.columns)
        low, high = kwargs["low_percent"], kwargs["high_percent"]
        holds: pd.Series[bool] = (
            (usual <= 0) | (amount <= 0) | ((amount * 100 >= usual * low) & (amount * 100 <= usual * high))
        )
        return holds


class ExpectAmountToBeNearTo(MulticolumnMapExpectation):
    """Expect column 1 to lie between ``low_percent`` and ``high_percent`` of column 2, where both are above nil."""

    low_percent: int
    high_percent: int
    ignore_row_if: IgnoreRow = "any_value_is_missing"

    map_metric: ClassVar[str] = "multicolumn_values.near_to"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "low_percent", "high_percent")
    args_keys: ClassVar[tuple[str, ...]] = ("column_list", "low_percent", "high_percent")
