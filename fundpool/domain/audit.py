"""The audit trail: who did what to what, each record chained to the one before it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from fundpool.domain.ledger import GENESIS, LedgerFault, moment_text, seal


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One link of the audit chain."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    before_digest: str | None
    after_digest: str | None
    detail: str
    reason: str | None
    previous_hash: str
    hash: str


def seal_record(record: AuditRecord) -> str:
    """The hash that chains a record: over every field and the hash before it."""
    return seal(
        record.previous_hash,
        (
            record.number,
            moment_text(record.at),
            record.actor,
            record.action,
            record.subject,
            record.before_digest,
            record.after_digest,
            record.detail,
            record.reason,
        ),
    )


def verify_chain(
    records: Iterable[AuditRecord], anchors: dict[int, str], start: tuple[int, str] = (0, GENESIS)
) -> list[LedgerFault]:
    """Faults of the audit chain, checked against anchors kept elsewhere (record number: hash).

    ``records`` follow the record ``start``, number and hash.

    The chain alone finds an edit, a gap, an insertion and a change of order; only an anchor finds
    a tail that was cut off, or a trail that was written anew as a whole.
    """
    faults: list[LedgerFault] = []
    number, previous_hash = start
    missing = {anchored: hash_ for anchored, hash_ in anchors.items() if anchored > number}
    for record in records:
        number += 1
        if record.number != number:
            faults.append(
                _fault(
                    "audit_gap",
                    number,
                    f"应为第 {number} 条，现为第 {record.number} 条",
                    en=f"expected record {number}, found {record.number}",
                )
            )
            number = record.number
        if record.previous_hash != previous_hash or seal_record(record) != record.hash:
            faults.append(
                _fault(
                    "audit_broken",
                    number,
                    f"第 {number} 条与前一条不相衔接或内容被改",
                    en=f"record {number} does not follow the one before it, or was altered",
                )
            )
        expected = missing.pop(record.number, None)
        if expected is not None and expected != record.hash:
            faults.append(
                _fault(
                    "audit_rewritten",
                    number,
                    f"第 {number} 条与外存锚值不符",
                    en=f"record {number} differs from its anchor",
                )
            )
        previous_hash = record.hash
    faults.extend(
        _fault(
            "audit_truncated",
            anchored,
            f"外存锚值所指第 {anchored} 条已不存在",
            en=f"record {anchored}, which an anchor names, is gone",
        )
        for anchored in sorted(missing)
    )
    return faults


def _fault(kind: str, number: int, zh: str, *, en: str) -> LedgerFault:
    return LedgerFault(kind, f"audit:{number}", f"审计日志{zh}", en=f"audit trail: {en}")
