"""Budget execution against time (预算执行与序时进度)."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class BudgetExecution:
    """What of a year's spending budget was spent by the end of its ``months``-th month; None: not known."""

    budget_fen: int | None
    spent_fen: int | None
    months: int

    @property
    def executed(self) -> Fraction | None:
        """Spent of budgeted; None where either is not known, or nothing was budgeted."""
        if self.spent_fen is None or not self.budget_fen:
            return None
        return Fraction(self.spent_fen, self.budget_fen)

    @property
    def time_share(self) -> Fraction:
        """序时进度: the months gone of the twelve."""
        return Fraction(self.months, 12)

    @property
    def ahead(self) -> Fraction | None:
        """How far spending is ahead of time, as a share of the budget; negative when behind."""
        return None if self.executed is None else self.executed - self.time_share
