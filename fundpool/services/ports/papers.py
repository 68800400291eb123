"""The register of papers' numbers, and who writes a paper as a file (implemented in adapters)."""

from collections.abc import Callable
from typing import Protocol

from fundpool.domain.paper import NumberedPaper, Paper, PaperFormat, PaperKind, PaperNumber

WritePaper = Callable[[NumberedPaper, PaperFormat], bytes]
"""Makes the bytes of a workbook or a Word document."""


class PaperStore(Protocol):
    """The numbers of papers; a number that was assigned is never taken back."""

    def editions(self, paper: Paper) -> tuple[PaperNumber, ...]:
        """The numbers of the paper's kind, period and subject, edition by edition."""

    def last_serial(self, city: str, kind: PaperKind, year: int) -> int:
        """The last number of the year; 0 when there is none."""

    def add(self, number: PaperNumber) -> None:
        """Keep a new edition; the database refuses a second one of the same number, or of the same paper."""
