"""What each reading of a text would give, worked on one example of invented figures."""

from collections.abc import Mapping
from typing import Any

from fundpool.domain.errors import FundpoolError
from fundpool.domain.policy import CityPolicy, WorkedExample
from fundpool.services.law.compute import Question, compute

Figures = dict[str, int | str]


def work_out(example: WorkedExample, city: CityPolicy, key: str, *, reading: str) -> Figures:
    """The example's figures (fen) under a reading; where the text stops the calculation, the reason."""
    fund = city.funds[0]
    first = fund.pooled_by
    year = 2024 if first is None else first.year + (0 if (first.month, first.day) == (1, 1) else 1)
    question = Question(example.name, city, fund=fund.key, year=year, readings={key: reading})
    try:
        answer = compute(question, _placed(example.facts, city))
    except FundpoolError as error:
        return {"stops": str(error)}
    totals = answer.get("totals")
    if totals is not None:
        figures: Figures = dict(totals["shares"])
        return {**figures, "unallocated_fen": totals["unallocated_fen"]}
    if "counties" in answer:
        return {f"{county['code']} quota_fen": county["quota_fen"] for county in answer["counties"]}
    return {name: value for name, value in answer.items() if name.endswith("_fen")}


def _placed(value: Any, city: CityPolicy) -> Any:
    """The facts with the n-th unit's code in place of 第n个."""
    if isinstance(value, Mapping):
        return {key: _placed(inner, city) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_placed(inner, city) for inner in value]
    if isinstance(value, str) and value.startswith("第") and value.endswith("个"):
        return city.units[int(value[1:-1]) - 1].code
    return value
