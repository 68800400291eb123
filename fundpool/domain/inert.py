"""Text cells of the spreadsheets we write: none may become a formula in the program that opens them."""

_LEADERS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def inert(text: str) -> str:
    """``text`` that no spreadsheet takes for a formula, also after it was saved again as another format."""
    return f"'{text}" if text.startswith(_LEADERS) or text.lstrip().startswith(_LEADERS) else text
