"""Tasks of the plan's way: collected, reviewed, applied for."""

from prefect import task

from tasks.options import RETRY_WHEN_AWAY
from tasks.performing import Cities, CountyCode, Summary, perform


@task(name="collect-plans", **RETRY_WHEN_AWAY)
def collect_plans(city: Cities, month: str, county: CountyCode, as_of: str | None) -> Summary:
    """Take in and judge the counties' plans."""
    return perform("plan-collection", city, month, county, as_of)


@task(name="review-plans", **RETRY_WHEN_AWAY)
def review_plans(city: Cities, month: str, county: CountyCode, as_of: str | None) -> Summary:
    """Hand judged plans to the reviewer and see what is decided."""
    return perform("plan-review", city, month, county, as_of)


@task(name="apply-for-funds", **RETRY_WHEN_AWAY)
def apply_for_funds(city: Cities, month: str, county: CountyCode, as_of: str | None) -> Summary:
    """Prepare the city's application to finance."""
    return perform("funds-application", city, month, county, as_of)
