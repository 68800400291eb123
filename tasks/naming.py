"""What a run is called, so that a person finds it in a list of runs."""

from collections.abc import Callable

from prefect.runtime import flow_run

from fundpool.domain.errors import FundpoolError
from fundpool.domain.month import STEPS
from tasks.process import ports_of_this_process


def run_name(step: str) -> Callable[[], str]:
    """A name such as ``台州市 2026-10 用款计划`` from the run's own parameters and the step's name."""
    return _named(STEPS[step].name_zh)


cycle_name: Callable[[], str]
"""A name such as ``台州市 2026-10 月度用款``."""


def tick_name() -> str:
    """A name such as ``每日调度 2026-09-30``; without a given day, ``每日调度``."""
    return f"每日调度 {flow_run.get_parameters().get('as_of') or ''}".strip()


def _named(what: str) -> Callable[[], str]:
    def name() -> str:
        parameters = flow_run.get_parameters()
        county = f" {parameters['county']}" if parameters.get("county") else ""
        return f"{_name_of(parameters['city'])} {parameters['month']} {what}{county}"

    return name


cycle_name = _named("月度用款")


def _name_of(city: str | list[str]) -> str:
    """The city's name; of several, the first's and how many they are."""
    if isinstance(city, str):
        return _city_name(city)
    return f"{_city_name(city[0])}等{len(city)}市" if city else ""


def _city_name(key: str) -> str:
    try:
        return ports_of_this_process().policies.city(key).name_zh
    except FundpoolError:  # a name must not fail the run; the step itself says what is wrong
        return key
