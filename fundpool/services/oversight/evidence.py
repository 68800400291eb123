"""The evidence of payments, as a folder an auditor takes along: one folder a payment, and a list of it all.

A sample is drawn by a seed that stands in the list, so that anybody can draw it again; the list has the SHA-256 of
every file. Names of files come from us alone: what a county called its file is in the list, never in a path.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel

from fundpool.domain.audit import AuditRecord
from fundpool.domain.errors import InputError, ServiceUnavailable
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.sampling import Sample, draw
from fundpool.domain.submission import DocumentKind
from fundpool.domain.transfer import Obligation
from fundpool.services.documents.raw_content import raw_content
from fundpool.services.oversight.audit_trail import changes_of
from fundpool.services.oversight.lineage import Explanation, Lineage
from fundpool.services.ports.money_ports import GatewayCall
from fundpool.services.ports.work import MonthPorts, Work

MOST = 200
"""Payments in one sample: more than that is an export, not a sample."""

_ENDINGS = frozenset({".xlsx", ".xls", ".csv", ".zip", ".txt", ".xml"})


@dataclass(frozen=True, slots=True)
class DrawnSample:
    """A sample with the payments it names, in the order drawn."""

    city: str
    month: Month
    sample: Sample
    payments: tuple[Obligation, ...]


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """One file of the folder: its path within, with ``/``, and its bytes."""

    path: str
    content: bytes


def draw_payments(ports: MonthPorts, city: str, month: Month, *, size: int, seed: str) -> DrawnSample:
    """``size`` of all payments ordered for the month, whatever became of them.

    Raises InputError ``sample_size`` or ``nothing_to_sample``.
    """
    if not 1 <= size <= MOST:
        raise InputError(
            "sample_size",
            f"抽样笔数须在 1 与 {MOST} 之间，现为 {size}",
            f"a sample has 1 to {MOST} payments, found {size}",
            remedy="--n 25",
        )
    policy = ports.policies.city(city)
    ordered = ports.database.read(lambda work: work.payments.obligations(city=policy.key, month=month))
    if not ordered:
        raise InputError(
            "nothing_to_sample",
            f"{policy.name_zh} {month} 没有拨付指令，无从抽样",
            f"no payment was ordered for {month} in {policy.name_en}: there is nothing to draw from",
            remedy="fundpool transfers list",
        )
    by_key = {each.key: each for each in ordered}
    sample = draw(by_key, size=size, seed=seed)
    return DrawnSample(policy.key, month, sample, payments=tuple(by_key[key] for key in sample.keys))


def evidence_of(
    ports: MonthPorts, drawn: DrawnSample, *, in_words: Callable[[Explanation], str], now: datetime
) -> Iterator[EvidenceFile]:
    """Every file of the sample's folder; ``manifest.json``, which lists the others, comes last.

    ``in_words`` writes an explanation for people. A kept file that is damaged is named in its payment's
    ``lineage.json`` and in ``damaged`` of the list, and does not stop the rest.
    """
    lineage = Lineage(ports)
    listed: list[dict[str, Any]] = []
    for place, payment in enumerate(drawn.payments, start=1):
        folder, explained = f"{place:03d}-{payment.id}", lineage.transfer(payment.key)
        originals, damaged = _originals(ports, explained)
        files = [
            EvidenceFile("lineage.txt", in_words(explained).encode()),
            EvidenceFile("lineage.json", _json(asdict(explained) | {"is_sound": explained.is_sound})),
            *ports.database.read(partial(_records, explained=explained, payment=payment)),
            *originals,
        ]
        for file in files:
            yield EvidenceFile(f"{folder}/{file.path}", file.content)
        listed.append(
            {
                "folder": folder,
                "payment": payment.key,
                "unit": payment.unit,
                "fund": payment.fund,
                "amount_fen": payment.amount_fen,
                "state": payment.state,
                "damaged": damaged,
                "files": [
                    {"file": file.path, "sha256": hashlib.sha256(file.content).hexdigest()} for file in files
                ],
            }
        )
    yield EvidenceFile("manifest.json", _json(_manifest(drawn, now) | {"payments": listed}))


def _manifest(drawn: DrawnSample, now: datetime) -> dict[str, Any]:
    return {
        "city": drawn.city,
        "month": drawn.month,
        "seed": drawn.sample.seed,
        "n": len(drawn.payments),
        "population": drawn.sample.population,
        "population_sha256": drawn.sample.population_digest,
        "method": "the n payments whose SHA-256 of seed, line feed and payment key comes first",
        "taken_at": now,
    }


def _records(work: Work, *, explained: Explanation, payment: Obligation) -> list[EvidenceFile]:
    """What the database knows of the payment: the bank's calls and lines, and every audit record about it."""
    attempts = work.attempts.of_obligation(payment.id)
    calls = [call for attempt in attempts for call in work.attempts.calls(attempt.key)]
    lines = [line for attempt in attempts for line in work.statements.lines_of_key(attempt.key)]
    subjects = [
        f"obligation:{payment.key}",
        f"batch:{work.payments.batch(payment.batch_id).key}",
        *(f"attempt:{attempt.key}" for attempt in attempts),
        *_papers(payment, explained),
    ]
    acts = [record for subject in dict.fromkeys(subjects) for record in work.audit.records(subject)]
    orders = [
        {"key": attempt.key, "state": attempt.state, "request": attempt.request.decode("utf-8", "replace")}
        for attempt in attempts
    ]
    return [
        EvidenceFile("bank-calls.json", _json({"orders": orders, "calls": [_call(call) for call in calls]})),
        EvidenceFile("statement-lines.json", _json([asdict(line) for line in lines])),
        EvidenceFile("audit.json", _json([_act(record) for record in sorted(acts, key=lambda a: a.number)])),
    ]


def _papers(payment: Obligation, explained: Explanation) -> Iterator[str]:
    """Subjects of the audit records about the papers behind the payment: application, review, file."""
    for each in (explained, *explained.parts):
        if each.line is not None:
            application = f"application:{payment.city}:{payment.month}:{payment.fund}:{each.line.application}"
            yield application
            yield f"{application}:{each.line.county}"
        if each.cell is not None:
            source = each.cell
            yield f"review:{source.city}:{source.month}:{source.document}:{source.county}:{source.fund}"
            yield f"file:{source.sha256}"


def _originals(ports: MonthPorts, explained: Explanation) -> tuple[list[EvidenceFile], list[str]]:
    """The files the payment's figures were read from, and the digests of those that cannot be read any more."""
    files: dict[str, EvidenceFile] = {}
    damaged: list[str] = []
    for cell in explained.cells():
        if cell.sha256 in files or cell.sha256 in damaged:
            continue
        try:
            content = ports.database.read(partial(_raw, ports=ports, sha256=cell.sha256))
        except ServiceUnavailable as error:
            if error.code != "raw_file_damaged":
                raise
            damaged.append(cell.sha256)
            continue
        name = (
            f"{cell.county}-{cell.document}-v{cell.version}-{cell.sha256[:12]}{safe_ending(cell.file_name)}"
        )
        files[cell.sha256] = EvidenceFile(f"files/{name}", content)
    return list(files.values()), damaged


def _raw(work: Work, *, ports: MonthPorts, sha256: str) -> bytes:
    return raw_content(ports, work, sha256)


def safe_ending(file_name: str) -> str:
    """The ending of a file's name if it is one of a table, else ``.bin``: a sender chooses no other."""
    ending = PurePosixPath(file_name.lower()).suffix
    return ending if ending in _ENDINGS else ".bin"


@dataclass(frozen=True, slots=True)
class Original:
    """A received file as it can be handed out; ``name`` is ours, ``file_name`` what the sender called it."""

    name: str
    file_name: str
    sha256: str
    content: bytes


def original_file(ports: MonthPorts, city: str, document: str, *, sha256: str) -> Original:
    """The kept bytes of a city's file, checked against their digest.

    Raises InputError ``unknown_file``, or ServiceUnavailable when the bytes are damaged.
    """
    policy, kind = ports.policies.city(city), DocumentKind.named(document)

    def read(work: Work) -> Original:
        received = work.submissions.received_file(policy.key, kind, sha256)
        if received is None:
            raise InputError(
                "unknown_file",
                f"{policy.name_zh}没有收到过这份文件：{sha256}",
                f"{policy.name_en} never received this file: {sha256}",
                remedy="从溯源页选择文件 / choose the file on a payment's lineage",
            )
        name = f"{kind.value}-{sha256[:12]}{safe_ending(received.file_name)}"
        return Original(name, received.file_name, sha256, raw_content(ports, work, sha256))

    return ports.database.read(read)


def _call(call: GatewayCall) -> dict[str, Any]:
    raw = None if call.raw is None else call.raw.decode("utf-8", "replace")
    return {
        "order": call.attempt_key,
        "operation": call.operation,
        "phase": call.phase,
        "at": call.at,
        "answer": call.answer,
        "reason": call.reason,
        "raw": raw,
    }


def _act(record: AuditRecord) -> dict[str, Any]:
    return {
        "number": record.number,
        "at": record.at,
        "actor": record.actor,
        "action": record.action,
        "subject": record.subject,
        "reason": record.reason,
        "changes": [asdict(change) for change in changes_of(record)],
        "hash": record.hash,
    }


def _json(document: Any) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=2, default=_plain) + "\n").encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).isoformat()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return str(value)
