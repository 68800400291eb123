"""What the pages read: a Protocol, so that pages and services can be proved apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from fundpool.domain.periods import Month
from schemas.dashboard import CountyMonth, FundBooks, TransferBatch


@dataclass(frozen=True, slots=True)
class Unit:
    """A county or zone of the city's register."""

    code: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class City:
    """A city with its register of units, in the order of the policy file."""

    key: str
    name_zh: str
    name_en: str
    units: tuple[Unit, ...]


class MonthReader(Protocol):
    """Reads only. Raises FundpoolError when the database is away or the law is silent."""

    def cities(self) -> Sequence[City]:
        """Every city the policies know."""

    def months(self, city: str) -> Sequence[Month]:
        """Months of the city with anything recorded, oldest first."""

    def status(self, city: str, month: Month, now: datetime) -> Mapping[str, Any]:
        """The document of ``fundpool status --json``."""

    def county(self, city: str, month: Month, unit: str, now: datetime) -> CountyMonth:
        """Files, findings, review cases and transfers of one county's month."""

    def batches(self, city: str, month: Month) -> Sequence[TransferBatch]:
        """The month's transfers as they were approved and released together."""

    def books(self, city: str, month: Month) -> Sequence[FundBooks]:
        """Balances and trial balance per fund."""

    def ping(self) -> None:
        """Touch the database; raises ServiceUnavailable when it is away."""
