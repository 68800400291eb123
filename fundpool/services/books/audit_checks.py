"""Whether anything was changed behind the program: the trails, the rows and the books, recomputed.

Anchors are the heads of every chain at a moment, kept off the machine: a copy of the whole database
put in place of a later one is sound in itself, and only an anchor tells.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fundpool.domain.audit import AuditRecord, verify_chain
from fundpool.domain.errors import InputError
from fundpool.domain.ledger import GENESIS, LedgerFault, Voucher
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.row_trail import CheckedTrail, Differences, Key, TrailRecord, missing_row
from fundpool.domain.sealing import Seals
from fundpool.services.books.ledger_checks import UNREADABLE, Heads, verify
from fundpool.services.ports.work import MonthPorts, Work


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
    verified: str | None = None
    """Seal of an anchor up to which everything was read and found whole."""

    @property
    def heads(self) -> Heads:
        """The last voucher of every set of books."""
        return {(city, fund): (number, hash_) for city, fund, number, hash_ in self.books}

    def seal_of(self, seals: Seals) -> str:
        """The seal that says it was verified; only who holds the key can make it."""
        return seals.of_values("verified anchor", json.dumps(self.as_document() | {"verified": None}))

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
            "verified": self.verified,
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
                verified=document.get("verified"),
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
    since: str | None
    """The moment of the anchor behind which it read; None when it read everything."""


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


def keep_verified(ports: MonthPorts, found: Verification, anchor: Anchor, seals: Seals) -> None:
    """After a long trail was read whole and is sound: keep the anchor at which the next one may begin.

    ``anchor`` is of the snapshot that was read. Raises ServiceUnavailable when it cannot be written.
    """
    is_whole = not found.faults and found.since is None
    if is_whole and ports.anchors is not None and anchor.row_number > READ_WHOLE_UP_TO:
        sealed = replace(anchor, verified=anchor.seal_of(seals))
        ports.anchors.keep(sealed.as_document(), None)


def verify_installation(
    ports: MonthPorts, anchors: Sequence[Anchor], kept: Sequence[Anchor], now: datetime, *, full: bool
) -> Verification:
    """Verify everything against ``anchors``; a sound long trail is remembered as verified up to here.

    ``kept`` are the installation's own anchors: behind the newest verified one a long trail is read from
    there on, unless ``full``. Raises ServiceUnavailable when the anchor cannot be written.
    """

    def read(work: Work) -> tuple[Verification, Anchor, Seals]:
        start = None if full else verified_start(work, [*anchors, *kept])
        return verify_everything(work, anchors, start), take_anchor(work, now), work.seals

    found, head, seals = ports.database.read(read)
    keep_verified(ports, found, head, seals)
    return found


READ_WHOLE_UP_TO = 200_000
"""Records of the trail of rows that are always read; some 50,000 payments."""


def verified_start(work: Work, anchors: Sequence[Anchor]) -> Anchor | None:
    """The newest anchor up to which a long trail was verified before; None to read everything."""
    head = work.trail.head()
    if head.number <= READ_WHOLE_UP_TO:
        return None
    for anchor in sorted(anchors, key=lambda each: each.row_number, reverse=True):
        if anchor.verified is not None and anchor.verified == anchor.seal_of(work.seals):
            return anchor
    return None


def verify_everything(work: Work, anchors: Sequence[Anchor], start: Anchor | None = None) -> Verification:
    """Faults of the trails, the rows and the books, alone and against the anchors.

    Behind ``start`` only what was written since is read: the records, and the rows that they name.
    """
    trail = CheckedTrail(
        work.seals, {anchor.row_number: anchor.row_seal for anchor in anchors if anchor.row_number}
    )
    if start is not None:
        anchors = [each for each in anchors if each.row_number >= start.row_number]
        trail.begin_behind(
            TrailRecord(start.row_number, start.audit_number, start.audit_hash, "[]", start.row_seal)
        )
    trail.read(work.trail.records(trail.head.number))
    heads = {anchor.audit_number: anchor.audit_hash for anchor in anchors if anchor.audit_number}
    audit = _SealedEnd(trail.head, start)
    faults = list(trail.faults)
    try:
        begin = (start.audit_number, start.audit_hash) if start else (0, GENESIS)
        records = audit.follow(work.audit.records(after=begin[0]))
        faults += [*verify_chain(records, heads, begin), *audit.faults()]
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
        trail.compare(table, names, work.trail.rows(table, trail.keys_of(table) if start else None))
        for table, names in work.trail.tables().items()
    ]
    faults += _named(work, differences)
    faults += [missing_row(key) for key in sorted(trail.last)]
    faults += verify(work, start.heads if start else None)
    faults += _check_books(work, anchors, start)
    return Verification(
        faults, trail.records, sum(each.rows for each in differences), start.at if start else None
    )


class _SealedEnd:
    """Whether the audit trail ends where the last record of the trail of rows says."""

    def __init__(self, last: TrailRecord, start: Anchor | None) -> None:
        self._last = last
        self._number = start.audit_number if start else 0
        self._hash_there = start.audit_hash if start else GENESIS

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


def _check_books(work: Work, anchors: Sequence[Anchor], start: Anchor | None) -> Iterator[LedgerFault]:
    anchored = {(city, fund, number) for anchor in anchors for city, fund, number, _ in anchor.books}
    vouchers = {
        place: each.hash
        for each in (_vouchers_from(work, start) if anchored else ())
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


def _vouchers_from(work: Work, start: Anchor | None) -> Iterator[Voucher]:
    """The vouchers from those on that ``start`` names; all without it."""
    if start is None:
        yield from work.ledger.vouchers()
        return
    for city, fund, _, _ in work.ledger.chains():
        number, _ = start.heads.get((city, fund), (0, GENESIS))
        yield from work.ledger.vouchers(city, fund, max(number - 1, 0))
