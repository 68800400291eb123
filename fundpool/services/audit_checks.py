"""Whether anything was changed behind the program: the trails, the rows and the books, recomputed.

Anchors are the heads of every chain at a moment, kept off the machine: a copy of the whole database
put in place of a later one is sound in itself, and only an anchor tells.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fundpool.domain.audit import AuditRecord, verify_chain
from fundpool.domain.errors import InputError
from fundpool.domain.ledger import GENESIS, LedgerFault
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.row_trail import CheckedTrail, Differences, Key, TrailRecord, missing_row
from fundpool.services.ledger_checks import UNREADABLE, verify
from fundpool.services.ports import MonthPorts, Work


@dataclass(frozen=True, slots=True)
class Anchor:
    """Heads of every chain at a moment: whoever keeps one elsewhere can prove a later rewrite."""

    at: str
    audit_number: int
    audit_hash: str
    books: tuple[tuple[str, str, int, str], ...]
    row_number: int = 0
    """Last record of the trail of rows and its seal; 0 in an anchor from before there was one."""
    row_seal: str = GENESIS

    def as_document(self) -> dict[str, Any]:
        """The anchor as JSON."""
        return {
            "at": self.at,
            "audit": {"number": self.audit_number, "hash": self.audit_hash},
            "rows": {"number": self.row_number, "hash": self.row_seal},
            "books": [
                {"city": city, "fund": fund, "number": number, "hash": hash_}
                for city, fund, number, hash_ in self.books
            ],
        }

    @classmethod
    def from_document(cls, document: Any) -> "Anchor":
        """The anchor of a JSON document; raises InputError ``anchor_unreadable``."""
        try:
            rows = document.get("rows", {"number": 0, "hash": GENESIS})
            return cls(
                at=document["at"],
                audit_number=document["audit"]["number"],
                audit_hash=document["audit"]["hash"],
                books=tuple(
                    (book["city"], book["fund"], book["number"], book["hash"]) for book in document["books"]
                ),
                row_number=rows["number"],
                row_seal=rows["hash"],
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise InputError(
                "anchor_unreadable",
                f"锚值文件缺少字段：{error}",
                f"the anchor lacks a field: {error}",
                remedy="fundpool audit anchor",
            ) from error


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification found, and how much it read."""

    faults: list[LedgerFault]
    records: int
    """Records of the trail of rows."""
    rows: int
    """Rows compared with it."""


def take_anchor(work: Work, now: datetime) -> Anchor:
    """The heads of the audit trail, of the trail of rows and of every set of books."""
    number, hash_ = work.audit.head()
    rows = work.trail.head()
    return Anchor(
        now.astimezone(SHANGHAI).isoformat(),
        number,
        hash_,
        tuple(work.ledger.chains()),
        rows.number,
        rows.seal,
    )


def keep_anchor(ports: MonthPorts, now: datetime) -> None:
    """Append the day's anchor where the installation keeps them. Raises ServiceUnavailable."""
    day = now.astimezone(SHANGHAI).date()
    if ports.anchors is not None and ports.anchors.lacks(day):
        anchor = ports.database.read(lambda work: take_anchor(work, now))
        ports.anchors.keep(anchor.as_document(), day)


def verify_everything(work: Work, anchors: Sequence[Anchor]) -> Verification:
    """Faults of the trails, the rows and the books, alone and against the anchors."""
    trail = CheckedTrail(
        work.seals, {anchor.row_number: anchor.row_seal for anchor in anchors if anchor.row_number}
    )
    trail.read(work.trail.records())
    heads = {anchor.audit_number: anchor.audit_hash for anchor in anchors if anchor.audit_number}
    audit = _SealedEnd(trail.head)
    faults = list(trail.faults)
    try:
        faults += [*verify_chain(audit.follow(work.audit.records()), heads), *audit.faults()]
    except UNREADABLE as error:
        faults.append(
            LedgerFault(
                "audit_unreadable",
                "audit",
                f"审计日志中有读不出的值：{error}",
                f"audit trail: cannot be read: {error}",
            )
        )
    differences = [
        trail.compare(table, names, work.trail.rows(table)) for table, names in work.trail.tables().items()
    ]
    faults += _named(work, differences)
    faults += [missing_row(key) for key in sorted(trail.last)]
    faults += verify(work)
    faults += _check_books(work, anchors)
    return Verification(faults, trail.records, sum(each.rows for each in differences))


class _SealedEnd:
    """Whether the audit trail ends where the last record of the trail of rows says."""

    def __init__(self, last: TrailRecord) -> None:
        self._last = last
        self._number = 0
        self._hash_there = GENESIS

    def follow(self, records: Iterable[AuditRecord]) -> Iterator[AuditRecord]:
        """The records, noted as they go by."""
        for record in records:
            self._number = record.number
            if record.number == self._last.audit_number:
                self._hash_there = record.hash
            yield record

    def faults(self) -> Iterator[LedgerFault]:
        """What is wrong with the end that went by."""
        expected = self._last.audit_number
        if self._number < expected:
            kind, zh, en = (
                "audit_truncated",
                "止于第 {0} 条，应止于第 {1} 条",
                "ends at record {0}, not at {1}",
            )
        elif self._number > expected:
            kind, zh, en = (
                "audit_unsealed",
                "止于第 {0} 条，封签只到第 {1} 条",
                "goes on to record {0}, sealed to {1}",
            )
        elif self._hash_there != self._last.audit_hash:
            kind, zh, en = (
                "audit_rewritten",
                "第 {1} 条与封签不符",
                "record {1} is not the one that was sealed",
            )
        else:
            return
        yield LedgerFault(
            kind,
            f"audit:{expected}",
            "审计日志" + zh.format(self._number, expected),
            "audit trail: " + en.format(self._number, expected),
        )


def _named(work: Work, differences: Sequence[Differences]) -> list[LedgerFault]:
    """The faults of rows; the trail is read again for the columns of those that were altered."""
    altered = {(each.table, key) for each in differences for key in each.altered}
    marks: dict[Key, dict[int, int]] = {}
    if altered:
        for record in work.trail.records():
            try:
                for entry in record.entries():
                    if entry.after is not None and (entry.table, entry.key) in altered:
                        marks.setdefault((entry.table, entry.key), {}).update(entry.after.marks)
            except (ValueError, TypeError):
                continue  # told already
    return [fault for each in differences for fault in each.faults(marks)]


def _check_books(work: Work, anchors: Sequence[Anchor]) -> Iterator[LedgerFault]:
    anchored = {(city, fund, number) for anchor in anchors for city, fund, number, _ in anchor.books}
    vouchers = {
        place: each.hash
        for each in (work.ledger.vouchers() if anchored else ())
        if (place := (each.city, each.fund, each.number)) in anchored
    }
    for anchor in anchors:
        for city, fund, number, hash_ in anchor.books:
            found = vouchers.get((city, fund, number))
            if found != hash_:
                yield LedgerFault(
                    "books_rewritten" if found else "books_truncated",
                    f"{city}/{fund}/{number}",
                    f"凭证与 {anchor.at} 的外存锚值不符",
                    f"the voucher differs from the anchor of {anchor.at}",
                )
