"""Anchors of the audit trail and the books, to be kept off the machine, and their check."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fundpool.domain.audit import verify_chain
from fundpool.domain.errors import InputError
from fundpool.domain.ledger import LedgerFault
from fundpool.domain.periods import SHANGHAI
from fundpool.services.ledger_checks import verify
from fundpool.services.ports import Work


@dataclass(frozen=True, slots=True)
class Anchor:
    """Heads of every chain at a moment: whoever keeps one elsewhere can prove a later rewrite."""

    at: str
    audit_number: int
    audit_hash: str
    books: tuple[tuple[str, str, int, str], ...]

    def as_document(self) -> dict[str, Any]:
        """The anchor as JSON."""
        return {
            "at": self.at,
            "audit": {"number": self.audit_number, "hash": self.audit_hash},
            "books": [
                {"city": city, "fund": fund, "number": number, "hash": hash_}
                for city, fund, number, hash_ in self.books
            ],
        }

    @classmethod
    def from_document(cls, document: Any) -> "Anchor":
        """The anchor of a JSON document; raises InputError ``anchor_unreadable``."""
        try:
            return cls(
                at=document["at"],
                audit_number=document["audit"]["number"],
                audit_hash=document["audit"]["hash"],
                books=tuple(
                    (book["city"], book["fund"], book["number"], book["hash"]) for book in document["books"]
                ),
            )
        except (KeyError, TypeError) as error:
            raise InputError(
                "anchor_unreadable",
                f"锚值文件缺少字段：{error}",
                f"the anchor lacks a field: {error}",
                remedy="fundpool audit anchor",
            ) from error


def take_anchor(work: Work, now: datetime) -> Anchor:
    """The heads of the audit trail and of every set of books."""
    number, hash_ = work.audit.head()
    return Anchor(now.astimezone(SHANGHAI).isoformat(), number, hash_, tuple(work.ledger.chains()))


def verify_everything(work: Work, anchors: Sequence[Anchor]) -> list[LedgerFault]:
    """Faults of the audit trail and the books, alone and against the anchors."""
    heads = {anchor.audit_number: anchor.audit_hash for anchor in anchors if anchor.audit_number}
    faults = verify_chain(work.audit.records(), heads)
    faults += verify(work)
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
                faults.append(
                    LedgerFault(
                        "books_rewritten" if found else "books_truncated",
                        f"{city}/{fund}/{number}",
                        f"凭证与 {anchor.at} 的外存锚值不符",
                        f"the voucher differs from the anchor of {anchor.at}",
                    )
                )
    return faults
