"""One parameter for a list of values, so that a statement is the same however many there are."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, Column, ColumnElement, any_, bindparam, func, select


def among(dialect: str, column: Column[Any]) -> ColumnElement[bool]:
    """Whether ``column`` is one of the values of the parameter that ``listed`` makes."""
    if dialect == "sqlite":
        values = func.json_each(bindparam("listed")).table_valued("value")
        return column.in_(select(values.c.value))
    return column == any_(bindparam("listed", type_=ARRAY(column.type)))


def listed(dialect: str, values: Iterable[str | int]) -> dict[str, Any]:
    """The parameter of a statement with ``among``."""
    as_list = list(values)
    return {"listed": json.dumps(as_list) if dialect == "sqlite" else as_list}
