"""Files the use cases take in and write: counties' files, slips, summaries, forms, anchors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

from fundpool.domain.bank_reconciliation import BankReconciliation
from fundpool.domain.errors import FundpoolError
from fundpool.domain.month_summary import MonthSummary
from fundpool.domain.periods import Month, Period
from fundpool.domain.policy import CityPolicy
from fundpool.domain.return_slip import ReturnSlip
from fundpool.services.ports.judging import SourceFile


@dataclass(frozen=True, slots=True)
class Incoming:
    """One file in the drop folder: its bytes, or the error that kept them from being read.

    ``arrived_at`` is when this machine's file system took it in, which the sender cannot set.
    """

    name: str
    source: SourceFile | None
    error: FundpoolError | None
    arrived_at: datetime | None = None


EarlierRawFile = Callable[[str], bytes | None]
"""What a release before 0.2 kept in a file under this SHA-256; None when it did not."""


class DropFolder(Protocol):
    """Where counties' files arrive."""

    def incoming(self, city: str, document: str) -> tuple[Incoming, ...]:
        """Every file now there, in order of name."""

    def has_files(self, city: str, document: str) -> bool:
        """Whether any file is there."""


WriteSummary = Callable[[MonthSummary], bytes]
"""Makes the workbook of a city's monthly summary, which an official signs; the same summary, the same figures."""


@dataclass(frozen=True, slots=True)
class SlipFile:
    """A return slip as it lies in its folder: the workbook and the page of one county's version."""

    document: str
    county: str
    version: int
    workbook: Path
    page: Path


class SlipFolder(Protocol):
    """Where the return slips of a city's month (or year) lie, one pair of files for every version."""

    def write(self, city: str, month: Period, slip: ReturnSlip, *, source: Callable[[], SourceFile]) -> None:
        """Write the slip unless it stands already; ``source`` gives the county's own file when needed.

        Raises ServiceUnavailable when the disk does not take it.
        """

    def slips(self, city: str, month: Period) -> tuple[SlipFile, ...]:
        """The slips of the month, in order of document, county and version."""


class WriteReconciliation(Protocol):
    """Writes the month's 银行存款余额调节表 as of a day into the folder of reports, in place of the one before."""

    def __call__(
        self,
        policy: CityPolicy,
        month: Month,
        *,
        forms: Sequence[BankReconciliation],
        prepared_on: date,
        notice: str | None,
    ) -> Path:
        """``notice`` stands on every page. Raises ServiceUnavailable when the disk does not take it."""


class AnchorKeeper(Protocol):
    """Keeps one anchor of the trails a day where the installation says, at best on another machine."""

    def checkpoints(self) -> Sequence[Mapping[str, Any]]:
        """The anchors kept here that claim to have been verified; their seals show whether they were."""

    def lacks(self, day: date) -> bool:
        """Whether the day's anchor is still to be written somewhere."""

    def keep(self, anchor: Mapping[str, Any], day: date) -> None:
        """Add the day's anchor wherever it is not yet. Raises ServiceUnavailable naming where it failed."""

    def keep_checkpoint(self, anchor: Mapping[str, Any]) -> None:
        """Add an anchor that was verified where ``checkpoints`` finds it. Raises ServiceUnavailable."""
