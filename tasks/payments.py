"""Tasks that move money, and the one that finds out where it went. Sending is never retried here."""

from prefect import task

from tasks.options import NEVER_AGAIN_BY_ITSELF, RETRY_WHEN_AWAY
from tasks.performing import Cities, CountyCode, Summary, perform


@task(name="disburse", **NEVER_AGAIN_BY_ITSELF)
def disburse(city: Cities, month: str, county: CountyCode, as_of: str | None) -> Summary:
    """Send what is released from the fiscal account."""
    return perform("disbursement", city, month, county, as_of)


@task(name="allocate", **NEVER_AGAIN_BY_ITSELF)
def allocate(city: Cities, month: str, county: CountyCode, as_of: str | None) -> Summary:
    """Send what is released from the city's expenditure account to the counties'."""
    return perform("allocation", city, month, county, as_of)


@task(name="reconcile", **RETRY_WHEN_AWAY)
def reconcile(city: Cities, month: str, county: CountyCode, as_of: str | None) -> Summary:
    """Ask the bank about every transfer without an end, and match its statements with the books."""
    return perform("reconciliation", city, month, county, as_of)
