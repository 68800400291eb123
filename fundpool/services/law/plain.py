"""The domain's values as plain data for JSON."""

from functools import cache
from typing import Any

from pydantic import TypeAdapter


def plain(value: Any, **options: Any) -> dict[str, Any]:
    """A dataclass of the domain as JSON has it, in the words of a policy file where that has other words.

    Dates are ISO texts, exact ratios are texts, enumerations their values. ``options`` are those of
    pydantic's ``TypeAdapter.dump_python``.
    """
    adapter = _adapter(type(value))  # type: ignore[arg-type]  # a class is hashable
    return dict(adapter.dump_python(value, mode="json", by_alias=True, **options))


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
