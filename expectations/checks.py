"""What a check is: an expectation with a stable code, a severity, a basis and a message to the county."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from great_expectations.expectations.expectation import Expectation

from expectations.arithmetic import ExpectCellsToFollowRule
from fundpool.domain.findings import Severity
from fundpool.domain.money import format_yuan
from schemas.documents.base import DocumentType

BLOCK, REVIEW, NOTE = Severity.BLOCK, Severity.REVIEW, Severity.NOTE

Facts = Mapping[str, Any]
"""One row of the tie-out frame (see frame.py) by column name, None where a value is missing; ``raw`` is
the text of each cell as the county wrote it."""

Wording = Callable[[Facts, str], str | None]
"""Makes the text of ``found`` or ``expected`` from the failed row and the field that the finding points at."""


@dataclass(frozen=True, slots=True)
class WrongCell:
    """A cell that breaks a check: the index of its row in the frame, its field and both sides in words."""

    index: int
    field: str
    facts: Facts
    found: str | None
    expected: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check of a suite. ``expect`` states its rule; the cell of a finding follows from it.

    ``field`` is named where the expectation's columns are not the cell to correct. ``found`` and
    ``expected`` are worded here where they are not the two sides that the expectation compares.
    ``needs`` is the fact of JudgingContext without which there is nothing to compare with;
    ``further_facts`` are others that it compares with where they are known;
    ``fund_column`` names the fund of a finding where it is not the fund of the row.
    Messages may name {county}, {fund}, {field}, {found}, {expected}.
    """

    code: str
    severity: Severity
    title_zh: str
    title_en: str
    message_zh: str
    message_en: str
    basis: str
    remedy: str
    expect: Expectation
    field: str | None = None
    found: Wording | None = None
    expected: Wording | None = None
    needs: str | None = None
    further_facts: tuple[str, ...] = ()
    fund_column: str = "fund"

    def expectation(self) -> Expectation:
        """The expectation with the check's code, by which its result is found again."""
        return self.expect.copy(update={"meta": {"check": self.code}})

    @property
    def columns(self) -> list[str]:
        """The columns of the frame that the expectation reads."""
        single = [getattr(self.expect, name, None) for name in ("column", "column_A", "column_B")]
        return [*filter(None, single), *getattr(self.expect, "column_list", ())]

    def wrong_cells(self, rows: pd.DataFrame, facts: Mapping[int, Facts]) -> Iterator[WrongCell]:
        """The cells at fault in ``rows`` that fail the check; ``facts`` are the same rows by index."""
        for index, field, compared_with in self._fields_at_fault(rows):
            at = self.field or field
            found = self.found or value(at)
            expected = compared_with if self.expected is None else self.expected(facts[index], at)
            yield WrongCell(index, at, facts[index], found=found(facts[index], at), expected=expected)

    def _fields_at_fault(self, rows: pd.DataFrame) -> Iterator[tuple[int, str, str | None]]:
        """Index, field and the other side of the comparison, in words."""
        if isinstance(self.expect, ExpectCellsToFollowRule):
            wrong, amounts = self.expect.cells(rows)
            for index in rows.index:
                for field in wrong.columns[wrong.loc[index]]:
                    expected = None if amounts is None else worded("_fen", amounts.at[index, field])
                    yield index, field, expected
        else:
            column = getattr(self.expect, "column", None) or getattr(self.expect, "column_A", None)
            other = getattr(self.expect, "column_B", None)
            for index in rows.index:
                yield index, str(column), None if other is None else worded(other, rows.at[index, other])


@dataclass(frozen=True, slots=True)
class Suite:
    """All checks of one document type, in the order of the documentation.

    ``add_columns`` adds what only this document's checks compare to the tie-out frame.
    """

    document: DocumentType
    checks: tuple[Check, ...]
    add_columns: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame

    @property
    def needed(self) -> tuple[str, ...]:
        """The facts of JudgingContext that the checks compare with."""
        needing = [check for check in self.checks if check.needs is not None]
        facts = (fact for check in needing for fact in (str(check.needs), *check.further_facts))
        return tuple(dict.fromkeys(facts))


def worded(column: str, found: Any) -> str | None:
    """A value of ``column`` for people: amounts (``…_fen``) in yuan, None where it is missing."""
    if found is None or pd.isna(found):
        return None
    return format_yuan(int(found)) if column.endswith("_fen") else str(found)


def value(column: str) -> Wording:
    """The value in a column of the frame."""
    return lambda facts, _field: worded(column, facts[column])


def text(words: str) -> Wording:
    """Always these words."""
    return lambda _facts, _field: words


def as_written(facts: Facts, field: str) -> str | None:
    """The text of the cell as the county wrote it."""
    written = facts["raw"].get(field)
    return None if written is None else str(written)
