"""Tasks of the reports' way: collected, checked, filed; and who is late with what."""

from prefect import task

from tasks.options import RETRY_WHEN_AWAY
from tasks.performing import Cities, CountyCode, Summary, perform


@task(name="collect-reports", **RETRY_WHEN_AWAY)
def collect_reports(city: Cities, month: str, county: CountyCode, as_of: str | None) -> Summary:
    """Take in and check the counties' expenditure reports and book what they spent."""
    return perform("expenditure-reporting", city, month, county, as_of)


@task(name="file-reports", **RETRY_WHEN_AWAY)
def file_reports(city: Cities, month: str, county: CountyCode, as_of: str | None) -> Summary:
    """Write and file the city's summary."""
    return perform("report-filing", city, month, county, as_of)


@task(name="raise-flags", **RETRY_WHEN_AWAY)
def raise_flags(city: Cities, month: str, county: CountyCode, as_of: str | None) -> Summary:
    """Say who is late, missing or inconsistent."""
    return perform("flags", city, month, county, as_of)
