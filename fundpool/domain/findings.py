"""Findings of the checks on a county's document, down to the cell, and the verdict that follows."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How far a finding stops a document."""

    BLOCK = "block"
    """The document goes back to the county."""
    REVIEW = "review"
    """A person decides before the document counts."""
    NOTE = "note"
    """Shown to the reviewer; stops nothing."""


class Verdict(StrEnum):
    """The result of all checks of a file."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    REVIEW = "review"
    RETURN = "return"


LONGEST = 200
"""Characters of a cell's text that a message shows."""


def brief(text: str | None) -> str | None:
    """``text`` as a message can show it: a cell may hold 32,767 characters, which nobody reads in a list."""
    return text if text is None or len(text) <= LONGEST else f"{text[:LONGEST]}…（{len(text)} 字 characters）"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. ``rule`` is the stable code of the check (docs/checks.md); ``basis`` the article."""

    rule: str
    severity: Severity
    message_zh: str
    message_en: str
    sheet: str | None = None
    cell: str | None = None
    row: int | None = None
    county: str | None = None
    fund: str | None = None
    found: str | None = None
    expected: str | None = None
    remedy: str | None = None
    basis: str | None = None


def verdict_of(findings: "tuple[Finding, ...] | list[Finding]", *, complete: bool) -> Verdict:
    """The verdict of a judged file; ``complete`` is whether every declared check was evaluated.

    An incomplete judgement is never a pass: a suite that skipped a rule proves nothing.
    """
    severities = {finding.severity for finding in findings}
    if Severity.BLOCK in severities:
        return Verdict.RETURN
    if Severity.REVIEW in severities or not complete:
        return Verdict.REVIEW
    return Verdict.PASS
