"""统一社会信用代码: the eighteen-character code of an organisation (GB 32100-2015)."""

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))


def is_valid_credit_code(text: str) -> bool:
    """Whether ``text`` is a code whose last character checks the other seventeen (modulus 31).

    The standard leaves out I, O, S, V and Z, which look like digits.
    """
    if len(text) != 18 or any(character not in _ALPHABET for character in text):
        return False
    return text[17] == check_character(text[:17])


def check_character(body: str) -> str:
    """The eighteenth character of a code whose first seventeen are ``body``."""
    total = sum(_ALPHABET.index(character) * weight for character, weight in zip(body, _WEIGHTS, strict=True))
    return _ALPHABET[-total % 31]
