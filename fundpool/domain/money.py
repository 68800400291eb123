"""Money is an integer number of fen (1 yuan = 100 fen); a float never holds an amount."""

import re
from collections.abc import Sequence
from fractions import Fraction
from math import lcm

_YUAN = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,2})?", re.ASCII)


def parse_yuan(text: str) -> int:
    """Fen of a plain amount in yuan: ASCII digits, at most two decimals, no separators, no exponent.

    Raises ValueError for anything else; full-width digits and thousands separators are the
    reader's business, because changing them in silence would hide what the county wrote.
    """
    if not _YUAN.fullmatch(text):
        raise ValueError(f"not an amount in yuan: {text!r}")
    sign = -1 if text.startswith("-") else 1
    yuan, _, fraction = text.lstrip("-").partition(".")
    return sign * (int(yuan) * 100 + int(fraction.ljust(2, "0") or "0"))


def format_yuan(amount_fen: int, *, separators: bool = True) -> str:
    """Yuan with two decimals: ``format_yuan(123456789)`` is ``'1,234,567.89'``."""
    sign = "-" if amount_fen < 0 else ""
    yuan, fen = divmod(abs(amount_fen), 100)
    return f"{sign}{yuan:,}.{fen:02d}" if separators else f"{sign}{yuan}.{fen:02d}"


_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_UNITS = ((10**8, "亿"), (10**4, "万"), (1000, "仟"), (100, "佰"), (10, "拾"))


def yuan_in_words(amount_fen: int) -> str:
    """大写金额 as papers write it: ``yuan_in_words(1640902)`` is ``'壹万陆仟肆佰零玖元零贰分'``.

    By 支付结算办法, annex 1; the 零 that it leaves to the writer (before 角, and after 万 or 元 that end in 0) is
    left out.
    """
    yuan, fen = divmod(abs(amount_fen), 100)
    jiao, fen = divmod(fen, 10)
    words = "负" if amount_fen < 0 else ""
    if yuan or not (jiao or fen):
        words += f"{_whole_in_words(yuan)}元"
    if jiao:
        words += f"{_DIGITS[jiao]}角"
    if fen:
        words += f"{'零' if yuan and not jiao else ''}{_DIGITS[fen]}分"
    return words if jiao or fen else f"{words}整"


def _whole_in_words(number: int) -> str:
    for unit, name in _UNITS:
        if number >= unit:
            high, low = divmod(number, unit)
            rest = f"{'零' if low < unit // 10 else ''}{_whole_in_words(low)}" if low else ""
            return f"{_whole_in_words(high)}{name}{rest}"
    return _DIGITS[number]


def split_by_largest_remainder(total_fen: int, weights: Sequence[int | Fraction]) -> list[int]:
    """Parts of ``total_fen`` in proportion to ``weights`` that add up to it exactly.

    Each part is rounded towards zero; the fen left over go to the largest remainders, a tie to
    the earlier weight, so callers order bearers as the article names them and counties by code.
    Raises ValueError when a weight is negative, or when there is money but no weight to bear it.
    """
    # Whole numbers instead of fractions: a settlement of the nation does this millions of times.
    scale = lcm(*(weight.denominator for weight in weights))
    whole = [weight.numerator * (scale // weight.denominator) for weight in weights]
    if any(weight < 0 for weight in whole):
        raise ValueError("weights must not be negative")
    weight_sum = sum(whole)
    if weight_sum == 0:
        if total_fen == 0:
            return [0] * len(whole)
        raise ValueError("nothing to split by: all weights are zero")
    sign = -1 if total_fen < 0 else 1
    shares = [divmod(abs(total_fen) * weight, weight_sum) for weight in whole]
    parts = [part for part, _ in shares]
    left_over = abs(total_fen) - sum(parts)
    if left_over:
        by_remainder = sorted(range(len(parts)), key=lambda i: (-shares[i][1], i))
        for index in by_remainder[:left_over]:
            parts[index] += 1
    return parts if sign == 1 else [-part for part in parts]


def nearest_fen(amount: int | Fraction) -> int:
    """The whole fen nearest to an amount that is not negative; half a fen counts up (四舍五入)."""
    return (2 * amount.numerator + amount.denominator) // (2 * amount.denominator)
