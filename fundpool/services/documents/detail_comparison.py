"""The result of comparing two files of payment details line by line.

Lines are compared by serial: the first line with a serial on one side against the first with it on the
other; further lines with the same serial are duplicates of their side. A pair is *matched* only when
amount, county and fund are equal. Amounts are integer fen throughout; totals may pass 2^63.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from fundpool.services.ports.judging import Register

DETAIL_COLUMNS = ("serial", "county", "fund", "amount_fen")
"""What every file of payment details must hold, under these or mapped names."""

Columns = Mapping[str, str]
"""The name in the file of each of DETAIL_COLUMNS."""


class Side(StrEnum):
    """Which of the two files."""

    LEFT = "left"
    RIGHT = "right"


class Difference(StrEnum):
    """What is wrong with a line or a pair of lines; listed in this order."""

    AMOUNT_MISMATCH = "amount_mismatch"
    """On both sides with different amounts, whatever county and fund."""
    PLACE_MISMATCH = "place_mismatch"
    """On both sides with the same amount, under another county or fund."""
    ONLY_LEFT = "only_left"
    ONLY_RIGHT = "only_right"
    DUPLICATE_LEFT = "duplicate_left"
    """A second or later line with its serial on the left."""
    DUPLICATE_RIGHT = "duplicate_right"


@dataclass(frozen=True, slots=True)
class DetailFile:
    """A file as it was read. ``encoding`` is None for Parquet."""

    file: str
    sha256: str
    format: str
    encoding: str | None


@dataclass(frozen=True, slots=True)
class PlaceCounts:
    """One county and fund: every column adds up to the field of the same name of the whole comparison.

    A pair whose two lines stand at different places counts where its left line stands.
    """

    county: str
    fund: str
    left_rows: int
    right_rows: int
    matched: int
    amount_mismatch: int
    place_mismatch: int
    only_left: int
    only_right: int
    duplicate_left: int
    duplicate_right: int
    total_left_fen: int
    total_right_fen: int


COUNTS = tuple(name for name in PlaceCounts.__dataclass_fields__ if name not in {"county", "fund"})


@dataclass(frozen=True, slots=True)
class DetailComparison:
    """The answer. Totals are over all rows of a side, duplicates included."""

    left: DetailFile
    right: DetailFile
    places: tuple[PlaceCounts, ...]
    """One for each county and fund that either side names, sorted."""

    def __post_init__(self) -> None:
        # Both sides count their matched lines on their own: a line that was lost on the way shows here.
        pairs = self.count("matched") + self.count("amount_mismatch") + self.count("place_mismatch")
        for side in Side:
            counted = pairs + self.count(f"only_{side}") + self.count(f"duplicate_{side}")
            rows = self.count(f"{side}_rows")
            assert counted == rows, f"{side}: {counted} of {rows} rows"

    def count(self, name: str) -> int:
        """A field of PlaceCounts over all places."""
        return sum(getattr(place, name) for place in self.places)

    @property
    def differing(self) -> int:
        """How many differing lines and pairs there are: the rows of the list."""
        return sum(self.count(kind) for kind in Difference)

    def to_json(self) -> dict[str, Any]:
        """The document of ``fundpool reconcile --json``, without the files written."""
        return {
            **{name: self.count(name) for name in COUNTS},
            "by_county_fund": [asdict(place) for place in self.places],
            "left": asdict(self.left),
            "right": asdict(self.right),
        }


@dataclass(frozen=True, slots=True)
class DifferenceFiles:
    """Where the differing lines were written. ``workbook_lines`` is below ``lines`` when a sheet cannot hold all."""

    parquet: Path
    workbook: Path
    lines: int
    workbook_lines: int


@dataclass(frozen=True)
class CityPlaces:
    """How a city's counties and funds are recognised: by code, key, name or alias, as in every other file."""

    name: str
    register: Register

    def county(self, text: str) -> str | None:
        """The code; None for no county of the city."""
        found = self.register.by_code(text.strip()) or self.register.by_name(text)
        return None if found is None else found.code

    def fund(self, text: str) -> str | None:
        """The key; None for no fund of the city."""
        found = self.register.fund(text) or self.register.fund_by_name(text)
        return None if found is None else found.key

    @property
    def counties(self) -> str:
        """Codes and names, for people."""
        return "、".join(f"{county.code} {county.name_zh}" for county in self.register.counties) or "–"

    @property
    def funds(self) -> str:
        """Keys and names, for people."""
        return "、".join(f"{fund.key} {fund.short_zh}" for fund in self.register.funds) or "–"
