"""The steps of the month: one use case each, run for all counties or for one, any number of times.

The scheduler, an operator's retrigger and the command line all run the same functions. A step
reports an outcome per unit; one county's trouble is an outcome, never the end of the others.
"""

from fundpool.services.outcomes import StepReport, StepRequest, UnitOutcome, UnitState

__all__ = ["StepReport", "StepRequest", "UnitOutcome", "UnitState"]
