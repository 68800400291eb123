"""The trail of rows: every row of every table, as the program wrote it, in one sealed chain.

A transaction that writes something leaves one record. It names each row that was written with a
digest of the row before and after (none of a new or a deleted row), and the audit record at which the
transaction ended. Each record bears a keyed seal over itself and the seal before it
(``domain/sealing.py``), so that whoever only writes to the database can neither change a record nor add one. Comparing the rows that stand in the
tables with the last digest of each finds every edit, deletion and insertion that the program did not make.
"""

import json
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any
from zlib import crc32

from fundpool.domain.ledger import GENESIS, LedgerFault
from fundpool.domain.sealing import Seals

_as_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_DIGEST_BYTES = 32
_DIGEST_TEXT = 44
"""Characters of a print's text that hold its digest."""

_MARK_BYTES = 4


@dataclass(slots=True)
class RowPrint:
    """What the trail keeps of a row: SHA-256 of all its columns, and a short mark of those that were written.

    The digest alone says that a row differs; the marks, by their place, say in which columns.
    """

    digest: bytes
    marks: dict[int, int]

    @property
    def text(self) -> str:
        """How a record writes it: the digest, then place (one byte) and mark (three) of each column."""
        marks = b"".join([(place << 24 | mark).to_bytes(_MARK_BYTES) for place, mark in self.marks.items()])
        return b64encode(self.digest + marks).decode()

    @classmethod
    def of_text(cls, text: str) -> "RowPrint":
        """The print of ``text``; raises ValueError when it is none."""
        both = b64decode(text)
        marks = (
            int.from_bytes(both[at : at + _MARK_BYTES]) for at in range(_DIGEST_BYTES, len(both), _MARK_BYTES)
        )
        return cls(both[:_DIGEST_BYTES], {each >> 24: each & 0xFFFFFF for each in marks})


def print_of(names: Sequence[str], row: Mapping[Any, object]) -> RowPrint:
    """Print of a row's named columns, alike for values as the program has them and as a database answers.

    A column without a value is left out of the digest: a column that a later version adds, empty,
    changes no print.
    """
    texts = [_column(name, row[name]) for name in names]
    return RowPrint(_digest(texts), {place: _mark(text) for place, text in enumerate(texts)})


def digest_of(names: Sequence[str], row: Mapping[Any, object]) -> bytes:
    """The digest of the row's print alone."""
    return _digest([_column(name, row[name]) for name in names])


def change_of(
    names: Sequence[str], before: Mapping[Any, object], after: Mapping[Any, object]
) -> tuple[bytes, RowPrint]:
    """The digest of a row before a change and its print after it, with marks of the columns that changed."""
    texts = [_column(name, before[name]) for name in names]
    was = _digest(texts)
    marks: dict[int, int] = {}
    for place, name in enumerate(names):
        value = after[name]
        if value != before[name]:
            texts[place] = text = _column(name, value)
            marks[place] = _mark(text)
    return was, RowPrint(_digest(texts), marks)


def _digest(columns: list[str]) -> bytes:
    return sha256("".join(columns).encode()).digest()


def _mark(column: str) -> int:
    return crc32(column.encode()) & 0xFFFFFF


def _column(name: str, value: object) -> str:
    if value is None:
        return ""
    kind = type(value)
    if kind is str:
        text = value
    elif kind is int:
        text = str(value)
    elif isinstance(value, bytes):
        # Bytes and the text of their digest must not look alike.
        return f"{name}#{sha256(value).hexdigest()}"
    elif isinstance(value, datetime):
        text = _moment(value)
    elif isinstance(value, date):
        text = value.isoformat()
    else:
        text = str(int(value) if isinstance(value, bool) else value)
    return f"{name}={len(text)}:{text}"  # type: ignore[arg-type]


@lru_cache(maxsize=1024)
def _moment(moment: datetime) -> str:
    """A moment as the tables hold it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


Key = tuple[str, str]
"""A table and the primary key of one of its rows (JSON list)."""


@dataclass(frozen=True, slots=True)
class RowEntry:
    """One row that a transaction wrote: its digest before, None for a new row; None after for a deleted one."""

    table: str
    key: str
    before: bytes | None
    after: RowPrint | None


@dataclass(frozen=True, slots=True)
class RowChange:
    """What verification needs of a ``RowEntry``: hex digests of the row before and after."""

    table: str
    key: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class TrailRecord:
    """What one transaction wrote, and the audit record at which it ended."""

    number: int
    audit_number: int
    audit_hash: str
    rows: str
    seal: str

    def entries(self) -> Iterator[RowEntry]:
        """The rows that were written; raises ValueError when the record does not hold any such list."""
        for table, key, before, after in json.loads(self.rows):
            yield RowEntry(
                table,
                key,
                b64decode(before) if before else None,
                after=RowPrint.of_text(after) if after else None,
            )

    def changes(self) -> Iterator[RowChange]:
        """The same without the marks, which takes half as long."""
        for table, key, before, after in json.loads(self.rows):
            yield RowChange(table, key, _hex_digest(before), after=_hex_digest(after))


def _hex_digest(text: str | None) -> str | None:
    return b64decode(text[:_DIGEST_TEXT])[:_DIGEST_BYTES].hex() if text else None


BEGINNING = TrailRecord(0, 0, GENESIS, rows="[]", seal=GENESIS)
"""What the first record follows."""


def next_record(
    last: TrailRecord, entries: Iterable[RowEntry], audit_number: int, *, audit_hash: str, seals: Seals
) -> TrailRecord:
    """The record of a transaction, sealed to the ``last`` one."""
    rows = _as_json(
        [
            (
                each.table,
                each.key,
                b64encode(each.before).decode() if each.before else None,
                each.after.text if each.after else None,
            )
            for each in entries
        ]
    )
    number = last.number + 1
    return TrailRecord(
        number,
        audit_number,
        audit_hash,
        rows=rows,
        seal=_seal(seals, last.seal, number, audit_number, audit_hash, rows),
    )


def _seal(seals: Seals, previous: str, *values: object) -> str:
    return seals.of_values("row trail", previous, *values)


Take = Callable[[RowChange, int], None]
"""Is handed every change with the number of its record."""


@dataclass(slots=True)
class CheckedTrail:
    """The chain of records as read: its head, how many rows it added, and what is wrong with it."""

    seals: Seals
    anchors: Mapping[int, str]
    """Seals of records that were kept elsewhere."""
    head: TrailRecord = BEGINNING
    """The record that the first one follows, then the last one read."""
    records: int = 0
    added: Counter[str] = field(default_factory=Counter)
    """Rows of each table that the records read until now added, less those they deleted."""
    faults: list[LedgerFault] = field(default_factory=list)

    def read(self, records: Iterable[TrailRecord], take: Take) -> None:
        """Follow the chain from ``head`` on, then look for the records that anchors name."""
        missing = {number: seal for number, seal in self.anchors.items() if number > self.head.number}
        for record in records:
            self._follow(record, take)
            anchored = missing.pop(record.number, None)
            if anchored is not None and anchored != record.seal:
                self._fault(
                    "trail_rewritten",
                    record.number,
                    "与外存锚值不符",
                    en="differs from the anchor kept elsewhere",
                )
        for number in sorted(missing):
            self._fault(
                "trail_truncated",
                number,
                "已不存在，而外存锚值指有此条",
                en="is gone, and an anchor names it",
            )

    def _follow(self, record: TrailRecord, take: Take) -> None:
        if record.number != self.head.number + 1:
            self._fault(
                "trail_gap",
                record.number,
                f"前应为第 {self.head.number + 1} 条",
                en=f"stands where record {self.head.number + 1} is expected",
            )
        sealed = _seal(
            self.seals,
            self.head.seal,
            record.number,
            record.audit_number,
            record.audit_hash,
            record.rows,
        )
        if sealed != record.seal:
            self._fault(
                "trail_broken",
                record.number,
                "封签不符：内容被改，或不接前一条",
                en="does not bear its seal: it was altered, or does not follow the one before it",
            )
        try:
            for change in record.changes():
                self.added[change.table] += (change.after is not None) - (change.before is not None)
                take(change, record.number)
        except (ValueError, TypeError):
            self._fault("trail_broken", record.number, "内容读不出", en="cannot be read")
        self.head = record
        self.records += 1

    def _fault(self, kind: str, number: int, zh: str, *, en: str) -> None:
        self.faults.append(
            LedgerFault(
                kind,
                f"row_trail:{number}",
                f"行轨迹第 {number} 条{zh}",
                en=f"record {number} of the row trail {en}",
            )
        )


@dataclass(slots=True)
class RowHistories:
    """Some rows: every change of them that the trail records, compared with what stands in the tables."""

    is_part: bool
    """Whether they begin behind a record: rows that were written earlier are taken as they were then."""
    last: dict[Key, str] = field(default_factory=dict)
    """Digest of each row as it was written last; of those not seen yet, once rows are compared."""
    altered: set[Key] = field(default_factory=set)
    faults: list[LedgerFault] = field(default_factory=list)

    def change(self, change: RowChange, number: int) -> None:
        """The next change, of record ``number``: it must begin at what the one before left."""
        key = (change.table, change.key)
        known = self.last.get(key)
        if known != change.before and not (self.is_part and known is None and change.before is not None):
            self.faults.append(
                LedgerFault(
                    "row_altered_before",
                    f"{change.table} {change.key}",
                    f"第 {number} 条轨迹改写此行之前，此行已被程序之外改动",
                    en=f"was changed behind the program before record {number} of the trail wrote it",
                )
            )
        if change.after is None:
            self.last.pop(key, None)
        else:
            self.last[key] = change.after

    def compare(self, table: str, key: str, digest: str) -> None:
        """A row that stands in ``table``; to be called behind all changes."""
        known = self.last.pop((table, key), None)
        if known is None:
            self.faults.append(
                LedgerFault(
                    "row_unknown",
                    f"{table} {key}",
                    "不是程序写入的",
                    en="was not written by the program",
                )
            )
        elif known != digest:
            self.altered.add((table, key))

    def end(self) -> None:
        """All rows were seen: those that are left are gone."""
        for table, key in sorted(self.last):
            self.faults.append(
                LedgerFault(
                    "row_missing",
                    f"{table} {key}",
                    "程序写入的此行已不在",
                    en="was written by the program and is gone",
                )
            )
        self.last.clear()


def altered_row(
    key: Key, names: Sequence[str], written: Mapping[int, int], *, stands: Mapping[int, int]
) -> LedgerFault:
    """The fault of a row that is not what the program wrote: the columns whose marks differ."""
    columns = [name for place, name in enumerate(names) if written.get(place) != stands[place]]
    return LedgerFault(
        "row_altered",
        " ".join(key),
        f"程序之外被改动：{', '.join(columns) or '列不明'}",
        en=f"was changed behind the program: {', '.join(columns) or 'column unknown'}",
    )
