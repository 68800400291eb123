"""The wage on which an employee's contribution is counted (缴费基数)."""

from fractions import Fraction

from fundpool.domain.money import nearest_fen


def contribution_base(
    wage_fen: int, *, average_wage_fen: int, floor: Fraction | None, ceiling: Fraction | None
) -> int:
    """The monthly wage, held between ``floor`` and ``ceiling`` times last year's average monthly wage."""
    base = Fraction(wage_fen)
    if floor is not None:
        base = max(base, average_wage_fen * floor)
    if ceiling is not None:
        base = min(base, average_wage_fen * ceiling)
    return nearest_fen(base)
