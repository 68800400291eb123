"""对账: one step of the month as a flow."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.carrying_out import carry_out
from tasks.naming import run_name
from tasks.options import STEP_FLOW
from tasks.payments import reconcile
from tasks.performing import Cities, CountyCode


@flow(name="reconciliation", flow_run_name=run_name("对账"), **STEP_FLOW)
def reconciliation(
    city: Cities, month: str, county: CountyCode = None, as_of: str | None = None
) -> State[Any]:
    """Find out what became of every transfer without an end; match the bank's statements with the books.

    It only asks the bank; it never sends.
    """
    return carry_out(reconcile, city, month, county, as_of)
