"""Monthly payments within the year's budget of spending (当年基金支出预算额度内按月拨付)."""


def allowed_within_budget(*, annual_budget_fen: int, paid_fen: int, requested_fen: int) -> int:
    """How much of the request may be paid without passing the year's budget."""
    return min(requested_fen, max(0, annual_budget_fen - paid_fen))
