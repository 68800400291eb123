"""Whether anything was changed behind the program: the trails, the rows and the books, recomputed.

Anchors are the heads of every chain at a moment, kept off the machine: a copy of the whole database
put in place of a later one is sound in itself, and only an anchor shows it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from fundpool.domain.audit import AuditRecord, verify_chain
from fundpool.domain.errors import InputError
from fundpool.domain.ledger import GENESIS, LedgerFault, Voucher
from fundpool.domain.periods import SHANGHAI, day_of
from fundpool.domain.row_trail import CheckedTrail, TrailRecord
from fundpool.domain.sealing import Seals
from fundpool.services.books import ledger_checks
from fundpool.services.books.ledger_checks import UNREADABLE, Heads, digest_of_balances
from fundpool.services.books.row_checks import DealtRows, compare_latest_seals, compare_rows
from fundpool.services.ports.latest_seals import SEALED_TABLES
from fundpool.services.ports.work import MonthPorts, Work


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a verification that read everything and found it whole leaves for the next one to go on from."""

    counts: Mapping[str, int]
    """Rows of every table."""
    balances: str
    """Digest of what every account holds (``ledger_checks.digest_of_balances``)."""
    seal: str
    """Over its anchor; only who holds the key can make it."""


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
    checkpoint: Checkpoint | None = None
    """In an anchor up to which everything was read and found whole."""

    @property
    def heads(self) -> Heads:
        """The last voucher of every set of books."""
        return {(city, fund): (number, hash_) for city, fund, number, hash_ in self.books}

    def with_checkpoint(self, work: Work) -> "Anchor":
        """The anchor of the moment of ``work``, sealed as one that was verified."""
        balances = digest_of_balances(work.ledger.balances())
        unsealed = replace(self, checkpoint=Checkpoint(work.trail.counts(), balances, seal=""))
        return unsealed._sealed(work.seals)

    def is_checkpoint(self, seals: Seals) -> bool:
        """Whether it bears the seal of a verified anchor."""
        return self.checkpoint is not None and self._sealed(seals) == self

    def _sealed(self, seals: Seals) -> "Anchor":
        assert self.checkpoint is not None
        unsealed = replace(self, checkpoint=replace(self.checkpoint, seal=""))
        seal = seals.of_values("checkpoint", json.dumps(unsealed.as_document(), sort_keys=True))
        return replace(self, checkpoint=replace(self.checkpoint, seal=seal))

    def as_document(self) -> dict[str, Any]:
        """The anchor as JSON."""
        proved = self.checkpoint
        return {
            "at": self.at,
            "audit": {"number": self.audit_number, "hash": self.audit_hash},
            "rows": {"number": self.row_number, "hash": self.row_seal},
            "books": [
                {"city": city, "fund": fund, "number": number, "hash": hash_}
                for city, fund, number, hash_ in self.books
            ],
            "verified": proved
            and {"counts": dict(proved.counts), "balances": proved.balances, "seal": proved.seal},
        }

    @classmethod
    def from_document(cls, document: Any) -> "Anchor":
        """The anchor of a JSON document; raises InputError ``anchor_unreadable``."""
        try:
            rows = document.get("rows", {"number": 0, "hash": GENESIS})
            proved = document.get("verified")
            return cls(
                at=document["at"],
                audit_number=document["audit"]["number"],
                audit_hash=document["audit"]["hash"],
                books=tuple(
                    (book["city"], book["fund"], book["number"], book["hash"]) for book in document["books"]
                ),
                row_number=rows["number"],
                row_seal=rows["hash"],
                # A text is the seal of an earlier version, which kept no counts.
                checkpoint=Checkpoint(proved["counts"], proved["balances"], proved["seal"])
                if isinstance(proved, dict)
                else None,
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
    since: str | None = None
    """The moment of the checkpoint behind which it read; None when it read everything."""


def take_anchor(work: Work, now: datetime) -> Anchor:
    """The heads of the audit trail, of the trail of rows and of every set of books."""
    number, hash_ = work.audit.head()
    rows = work.trail.head()
    return Anchor(
        now.astimezone(SHANGHAI).isoformat(),
        number,
        hash_,
        books=tuple(work.ledger.chains()),
        row_number=rows.number,
        row_seal=rows.seal,
    )


def keep_anchor(ports: MonthPorts, now: datetime) -> None:
    """Append the day's anchor where the installation keeps them. Raises ServiceUnavailable."""
    day = day_of(now)
    if ports.anchors is not None and ports.anchors.lacks(day):
        anchor = ports.database.read(lambda work: take_anchor(work, now))
        ports.anchors.keep(anchor.as_document(), day)


READ_WHOLE_UP_TO = 200_000
"""Audit records with which everything is read each time: some 25,000 payments, ten seconds."""


def verify(ports: MonthPorts, now: datetime, anchors: Sequence[Anchor], *, full: bool) -> Verification:
    """Verify what was written since the newest checkpoint, or everything: when ``full``, or without one.

    A long history that was read whole and is sound leaves a checkpoint where the anchors are kept.
    Raises ServiceUnavailable when it cannot be written.
    """
    documents = [] if full or ports.anchors is None else ports.anchors.checkpoints()

    def read(work: Work) -> tuple[Verification, Anchor | None]:
        start = _newest_checkpoint(work, documents)
        found = verify_since(work, anchors, start) if start is not None else None
        if found is None or any(fault.kind == _HISTORY_DIFFERS for fault in found.faults):
            # Only reading everything says what it is.
            found = verify_everything(work, anchors)
        is_proved = found.since is None and not found.faults and _is_long(work)
        return found, take_anchor(work, now).with_checkpoint(work) if is_proved else None

    found, proved = ports.database.read(read)
    if proved is not None and ports.anchors is not None:
        ports.anchors.keep_checkpoint(proved.as_document())
    return found


FULL_EVERY = timedelta(days=31)
"""How old the last verification of everything may be before people are asked for another."""


def verify_daily(ports: MonthPorts, now: datetime) -> tuple[list[LedgerFault], bool]:
    """What the day's reconciliation verifies by itself, once a day: the faults, and whether a full one is due.

    It never reads a long history whole: on SQLite payments wait while somebody reads.
    """
    if ports.anchors is None or not ports.anchors.lacks(day_of(now)):
        return [], False
    documents = ports.anchors.checkpoints()

    def read(work: Work) -> tuple[list[LedgerFault], bool]:
        if not _is_long(work):
            return verify_everything(work, []).faults, False
        start = _newest_checkpoint(work, documents)
        if start is None:
            return [], True
        return verify_since(work, [], start).faults, now - datetime.fromisoformat(start.at) > FULL_EVERY

    return ports.database.read(read)


def _is_long(work: Work) -> bool:
    return work.trail.head().audit_number > READ_WHOLE_UP_TO


def _newest_checkpoint(work: Work, documents: Sequence[Any]) -> Anchor | None:
    """The newest anchor up to which a long trail was verified; none that the trail does not have (after a restore)."""
    if not documents or not _is_long(work):
        return None
    anchors = [Anchor.from_document(each) for each in documents]
    for anchor in sorted(anchors, key=lambda each: each.row_number, reverse=True):
        if anchor.is_checkpoint(work.seals) and work.trail.seal_at(anchor.row_number) == anchor.row_seal:
            return anchor
    return None


def verify_everything(work: Work, anchors: Sequence[Anchor]) -> Verification:
    """Faults of the trails, the rows and the books, alone and against the anchors: all is recomputed."""
    trail = CheckedTrail(work.seals, _seals_of_records(anchors))
    rows = DealtRows(is_part=False)
    trail.read(work.trail.records(), rows.change)
    _, faults = _check_audit(work, anchors, trail.head)
    return Verification(
        [
            *trail.faults,
            *faults,
            *compare_rows(work, rows, only_named=False),
            *compare_latest_seals(work, rows, only_named=False),
            *ledger_checks.verify(work),
            *_check_books(work, anchors, None),
        ],
        trail.records,
        rows.rows,
    )


def verify_since(work: Work, anchors: Sequence[Anchor], start: Anchor) -> Verification:
    """The faults of what was written after the checkpoint ``start``, whose seal was checked.

    Of what was written before ``start`` it finds that rows are gone or were added, and that running
    balances are wrong, without naming them; it does not find that a row was edited.
    """
    assert start.checkpoint is not None
    later = [each for each in anchors if each.row_number >= start.row_number]
    head = TrailRecord(start.row_number, start.audit_number, start.audit_hash, rows="[]", seal=start.row_seal)
    trail = CheckedTrail(work.seals, _seals_of_records(later), head)
    rows = DealtRows(is_part=True)
    trail.read(work.trail.records(start.row_number), rows.change)
    audit, faults = _check_audit(work, later, trail.head, begin=(start.audit_number, start.audit_hash))
    books = ledger_checks.verify_since(work, start.heads)
    counts = Counter(start.checkpoint.counts)
    counts.update(trail.added)
    sealed = sum(trail.added[table] for table in SEALED_TABLES)
    counts.update(
        {"audit": audit, "posting": books.postings, "row_trail": trail.records, "latest_seal": sealed}
    )
    # As counters: a table that a release since then has added was empty.
    follows = books.balances_before == start.checkpoint.balances and Counter(work.trail.counts()) == counts
    return Verification(
        [
            *([] if follows else [_history_differs(start)]),
            *trail.faults,
            *_check_earlier(work, anchors, start),
            *faults,
            *compare_rows(work, rows, only_named=True),
            *compare_latest_seals(work, rows, only_named=True),
            *books.faults,
            *_check_books(work, later, start),
        ],
        trail.records,
        rows.rows,
        since=start.at,
    )


_HISTORY_DIFFERS = "history_differs"


def _history_differs(start: Anchor) -> LedgerFault:
    return LedgerFault(
        _HISTORY_DIFFERS,
        start.at,
        "行数或账户余额与上次全部核验及此后所写的不符，须全部核验",
        en="numbers of rows or balances are not what the last full verification and all written since add up to; "
        "verify everything",
    )


def _seals_of_records(anchors: Sequence[Anchor]) -> dict[int, str]:
    return {anchor.row_number: anchor.row_seal for anchor in anchors if anchor.row_number}


def _check_earlier(work: Work, anchors: Sequence[Anchor], start: Anchor) -> Iterator[LedgerFault]:
    """Anchors from before ``start``: the record that each names holds the seals of all before it."""
    for number, seal in _seals_of_records(anchors).items():
        if number < start.row_number and work.trail.seal_at(number) != seal:
            yield LedgerFault(
                "trail_rewritten",
                f"row_trail:{number}",
                f"行轨迹第 {number} 条与外存锚值不符",
                en=f"record {number} of the row trail differs from the anchor kept elsewhere",
            )


def _check_audit(
    work: Work, anchors: Sequence[Anchor], sealed_end: TrailRecord, *, begin: tuple[int, str] = (0, GENESIS)
) -> tuple[int, list[LedgerFault]]:
    """How many audit records stand behind ``begin``, and the faults of their chain and its end."""
    heads = {anchor.audit_number: anchor.audit_hash for anchor in anchors if anchor.audit_number}
    audit = _SealedEnd(sealed_end, begin)
    try:
        records = audit.follow(work.audit.records(after=begin[0]))
        faults = [*verify_chain(records, heads, begin), *audit.faults()]
    except UNREADABLE as error:
        faults = [
            LedgerFault(
                "audit_unreadable",
                "audit",
                f"审计日志中有读不出的值：{error}",
                en=f"audit trail: cannot be read: {error}",
            )
        ]
    return audit.records, faults


class _SealedEnd:
    """Whether the audit trail ends where the last record of the trail of rows says."""

    def __init__(self, last: TrailRecord, begin: tuple[int, str]) -> None:
        self._last = last
        self._number, self._hash_there = begin
        self.records = 0

    def follow(self, records: Iterable[AuditRecord]) -> Iterator[AuditRecord]:
        """The records, noted as they go by."""
        for record in records:
            self._number = record.number
            self.records += 1
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
            en="audit trail: " + en.format(self._number, expected),
        )


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
                    en=f"the voucher differs from the anchor of {anchor.at}",
                )


def _vouchers_from(work: Work, start: Anchor | None) -> Iterator[Voucher]:
    """The vouchers from those on that ``start`` names; all without it."""
    if start is None:
        yield from work.ledger.vouchers()
        return
    for city, fund, _, _ in work.ledger.chains():
        number, _ = start.heads.get((city, fund), (0, GENESIS))
        yield from work.ledger.vouchers(city, fund, max(number - 1, 0))
