"""The task of the documents that are filed beside plan and report."""

from prefect import task

from tasks.options import RETRY_WHEN_AWAY
from tasks.performing import Cities, CountyCode, Summary, perform


@task(name="collect-documents", **RETRY_WHEN_AWAY)
def collect_documents(city: Cities, month: str, county: CountyCode, as_of: str | None) -> Summary:
    """Take in and judge budgets, accounts, working-capital applications, subsidy, interest and payer lists."""
    return perform("document-collection", city, month, county, as_of)
