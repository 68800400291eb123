"""What a check is: an expectation with a stable code, a severity, a basis and a message to the county."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from great_expectations.expectations.expectation import Expectation

from fundpool.domain.findings import Severity
from fundpool.domain.money import format_yuan

Facts = Mapping[str, Any]
"""One row of the tie-out frame (see frame.py): int, str or None by column name."""

Telling = Callable[[Facts, str], str | None]
"""Says something of a failed row and the field it failed at."""

GX_SEVERITY = {Severity.BLOCK: "critical", Severity.REVIEW: "warning", Severity.NOTE: "info"}


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a suite.

    ``expect`` makes the expectation (called with ``meta`` and ``severity``); ``at`` names the fields
    of a failed row that are wrong, one finding each; ``found`` and ``expected`` word the two sides.
    ``needs`` is the fact of JudgingContext without which there is nothing to compare with.
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
    expect: Callable[..., Expectation]
    at: Callable[[Facts], Iterable[str]]
    found: Telling
    expected: Telling
    needs: str | None = None
    fund: str | None = None
    """The column of the frame that names the fund a finding is of, where it is not the row's."""

    def expectation(self, number: int) -> Expectation:
        """The expectation, carrying the check's place in its suite so that its result is found again."""
        return self.expect(meta={"code": self.code, "check": number}, severity=GX_SEVERITY[self.severity])


@dataclass(frozen=True, slots=True)
class Suite:
    """All checks of one document type, in the order of the documentation.

    ``add_facts`` adds the suite's own columns to the rows of one file; ``whole_numbers`` names those
    of them that are amounts or counts.
    """

    document: str
    checks: tuple[Check, ...]
    add_facts: Callable[[list[dict[str, Any]]], None] | None = None
    whole_numbers: frozenset[str] = frozenset()

    @property
    def needed(self) -> tuple[str, ...]:
        """The facts of JudgingContext that the checks compare with."""
        return tuple(dict.fromkeys(check.needs for check in self.checks if check.needs is not None))


def at(*fields: str) -> Callable[[Facts], Iterable[str]]:
    """The check always points at these fields."""
    return lambda _facts: fields


def value(column: str) -> Telling:
    """The text or number in a column of the frame."""
    return lambda facts, _field: None if facts[column] is None else str(facts[column])


def yuan(column: str) -> Telling:
    """The amount in a column of the frame, in yuan."""
    return lambda facts, _field: amount_text(facts[column])


def text(words: str) -> Telling:
    """Always these words."""
    return lambda _facts, _field: words


def as_written(facts: Facts, field: str) -> str | None:
    """What the cell says, as it stands."""
    written = facts["raw"].get(field)
    return None if written is None else str(written)


def own_amount(facts: Facts, field: str) -> str | None:
    """The amount of the field the finding is at, in yuan."""
    return amount_text(facts[field])


def amount_text(amount_fen: int | None) -> str | None:
    """Yuan for people, None for unknown."""
    return None if amount_fen is None else format_yuan(amount_fen)
