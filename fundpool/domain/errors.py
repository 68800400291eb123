"""Every error a person can meet, with what they need to mend it.

An error names what is wrong and where in Chinese and English, the article it rests on (``basis``)
and what to do (``remedy``). The exit status is part of the outside contract (docs/errors.md).
"""


class FundpoolError(Exception):
    """An error meant for people: never shown as a traceback.

    ``code`` is stable and machine-readable; ``exit_status`` is what the command line returns.
    """

    exit_status = 2

    def __init__(
        self, code: str, zh: str, en: str, *, basis: str | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(f"{zh} / {en}")
        self.code = code
        self.zh = zh
        self.en = en
        self.basis = basis
        self.remedy = remedy

    def __reduce__(self) -> tuple[object, ...]:
        # Crosses process borders (parser child, Prefect task run) with its fields.
        return (_rebuild, (type(self), self.code, self.zh, self.en, self.basis, self.remedy))


def _rebuild(  # noqa: PLR0917 - pickle passes its arguments by position
    cls: type[FundpoolError], code: str, zh: str, en: str, basis: str | None, remedy: str | None
) -> FundpoolError:
    error = cls.__new__(cls)
    FundpoolError.__init__(error, code, zh, en, basis=basis, remedy=remedy)
    return error


class InputError(FundpoolError):
    """Wrong use or unreadable input (exit 2)."""


class RuleViolation(FundpoolError):
    """The request breaks a rule of the fund or of the books; trying again cannot help (exit 1)."""

    exit_status = 1


class UndefinedPolicy(FundpoolError):
    """The law leaves the value undefined or delegated, or does not provide it (exit 3).

    Never answered with a default: the message names the article that is silent.
    """

    exit_status = 3


class ServiceUnavailable(FundpoolError):
    """An outside service did not answer; state is kept and the same command carries on later (exit 4)."""

    exit_status = 4
