"""The auditor's page: the trail, a sample with its evidence, original files; it reads all and changes nothing."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import IO, TYPE_CHECKING
from urllib.parse import quote
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from fundpool.console.dashboard.door import Route
from fundpool.console.dashboard.labels import N_
from fundpool.console.dashboard.reading import MonthReader
from fundpool.domain.accounts import Account
from fundpool.domain.errors import InputError
from fundpool.domain.periods import Month
from fundpool.domain.rights import Right
from fundpool.services.oversight.audit_trail import TrailQuestion
from fundpool.services.oversight.evidence import MOST, DrawnSample, EvidenceFile

if TYPE_CHECKING:
    from fundpool.console.dashboard.app import Place

USUAL_SIZE = 25
_HELD_IN_MEMORY = 16 * 2**20
_CHUNK = 2**16
_BEGINNING_OF_ZIP = (1980, 1, 1, 0, 0, 0)

ACTIONS: Mapping[str, str] = {
    "accept_document": N_("document accepted"),
    "accept_execution": N_("late execution accepted"),
    "accept_report": N_("report accepted"),
    "add_user": N_("account of a person added"),
    "apply_for_funds": N_("application prepared"),
    "approve_account": N_("bank account approved"),
    "approve_batch": N_("batch approved"),
    "approve_retry": N_("retry approved"),
    "assign_break": N_("difference assigned"),
    "attempt_claim": N_("order taken up for sending"),
    "attempt_closed": N_("order closed at the bank"),
    "attempt_fence": N_("closing asked of the bank"),
    "attempt_lease_over": N_("sender did not come back"),
    "attempt_never_sent": N_("order ended before it was sent"),
    "attempt_not_found_again": N_("order not known to the bank"),
    "attempt_partly_returned": N_("part sent back by the bank"),
    "attempt_processing": N_("bank works on it"),
    "attempt_rejected": N_("bank refused it"),
    "attempt_returned": N_("bank sent it back"),
    "attempt_succeeded": N_("bank executed it"),
    "attempt_suspect": N_("order in doubt after a restore"),
    "attempt_unclear": N_("no clear answer of the bank"),
    "book": N_("booked"),
    "cancel": N_("payment withdrawn"),
    "close_month": N_("month closed"),
    "confirm_absence": N_("absence at the bank confirmed"),
    "confirm_recovery": N_("recovery confirmed"),
    "confirm_restart": N_("restart of sending confirmed"),
    "confirm_review": N_("review confirmed"),
    "disable_user": N_("account of a person disabled"),
    "file_summary": N_("summary filed"),
    "finance_review": N_("reviewed by finance"),
    "finish_recovery": N_("recovery finished"),
    "hold": N_("payment held"),
    "import_statement_file": N_("statement taken in"),
    "init": N_("installation set up"),
    "issue_paper": N_("paper numbered"),
    "lock_user": N_("account of a person locked"),
    "look_again": N_("bank asked again"),
    "match_receipt": N_("receipt matched"),
    "open_recovery": N_("recovery opened"),
    "open_review": N_("review opened"),
    "order_again": N_("ordered again"),
    "order_batch": N_("batch ordered"),
    "prepare_attempt": N_("order prepared"),
    "propose_account": N_("bank account proposed"),
    "propose_review": N_("review proposed"),
    "receive_file": N_("file received"),
    "record_call": N_("telephone call recorded"),
    "record_budget": N_("budget recorded"),
    "record_extension": N_("extension recorded"),
    "record_waiver": N_("waiver recorded"),
    "release_batch": N_("batch released"),
    "request_restart": N_("restart of sending asked for"),
    "resolve_break": N_("difference settled"),
    "restore": N_("restored from a backup"),
    "return_document": N_("document returned"),
    "set_password": N_("password set"),
    "state_bank_balance": N_("bank's balance stated"),
    "stop_fund": N_("sending stopped"),
}
"""What people call the acts of the trail; one that is not listed is shown by its code."""


_ASKED = ("subject", "actor", "kind", "recorded", "day")
"""What the trail may be narrowed by; ``recorded`` is a month, as ``month`` in the address is the page's own."""


class AuditorPages:
    """Handlers of the auditor's page; ``place`` and ``page`` are those of the dashboard."""

    def __init__(
        self,
        reader: MonthReader,
        *,
        place: "Callable[[Request, Mapping[str, str]], Place]",
        page: Callable[..., Response],
    ) -> None:
        self._reader, self._place, self._page = reader, place, page

    def routes(self) -> tuple[Route, ...]:
        """What an auditor opens."""
        return (
            Route("/audit", Right.AUDIT, self.trail),
            Route("/audit/sample", Right.AUDIT, self.sample),
            Route("/audit/sample.zip", Right.AUDIT, self.evidence),
            Route("/audit/files/{document}/{sha256}", Right.AUDIT, self.original),
        )

    def trail(self, request: Request) -> Response:
        """The audit trail by subject, person, kind of act, month and day, newest first; of the account's city alone."""
        filters = {name: request.query_params.get(name, "").strip() for name in _ASKED}
        account: Account | None = request.state.account
        place = self._place(request, {name: text for name, text in filters.items() if text})
        question = TrailQuestion(
            subject=filters["subject"] or None,
            actor=filters["actor"] or None,
            action=filters["kind"] or None,
            city=None if account is None else account.city,
            month=_month(filters["recorded"]),
            day=_day(filters["day"]),
            before=_number(request.query_params.get("before"), "before"),
        )
        return self._page(
            request,
            "audit.html",
            place,
            trail=self._reader.audit_trail(question, place.moment),
            filters=filters,
            actions=ACTIONS,
            seed=f"{place.city.key}-{place.month}-{place.moment.at:%Y%m%d%H%M}",
            size=USUAL_SIZE,
            most=MOST,
        )

    def sample(self, request: Request) -> Response:
        """A sample of the month's payments, each with its way to the evidence."""
        place, drawn = self._drawn(request)
        return self._page(request, "sample.html", place, drawn=drawn)

    def evidence(self, request: Request) -> Response:
        """The sample's folder as a zip."""
        place, drawn = self._drawn(request)
        packed = packed_evidence(self._reader.evidence(drawn, place.moment))
        name = f"sample-{drawn.city}-{drawn.month}-{len(drawn.payments)}.zip"
        return StreamingResponse(
            _in_chunks(packed),
            media_type="application/zip",
            headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"},
        )

    def original(self, request: Request) -> Response:
        """A received file as it came in, checked against its digest."""
        place, wanted = self._place(request, {}), request.path_params
        original = self._reader.original(place.city.key, wanted["document"], wanted["sha256"])
        return Response(
            original.content,
            # What a county sent is handed out as bytes: no browser is to open it as a page.
            media_type="application/octet-stream",
            headers={
                "Content-Disposition": f"attachment; filename*=UTF-8''{quote(original.name)}",
                "X-Content-SHA256": original.sha256,
            },
        )

    def _drawn(self, request: Request) -> "tuple[Place, DrawnSample]":
        size = _number(request.query_params.get("n"), "n")
        seed = request.query_params.get("seed", "").strip()
        if not seed:
            raise InputError(
                "seed_missing",
                "请写明抽样种子：同一种子可以再次抽出同样的样本",
                "name the seed of the sample: the same seed draws the same sample again",
                remedy="seed=…",
            )
        size = USUAL_SIZE if size is None else size
        place = self._place(request, {"n": str(size), "seed": seed})
        return place, self._reader.sample(place.city.key, place.month, size=size, seed=seed)


def packed_evidence(files: Iterator[EvidenceFile]) -> IO[bytes]:
    """The files as a zip, from its beginning; small ones stay in memory."""
    target = tempfile.SpooledTemporaryFile(max_size=_HELD_IN_MEMORY)  # noqa: SIM115 - closed by who reads it
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for file in files:
            entry = ZipInfo(file.path, _BEGINNING_OF_ZIP)
            entry.compress_type = ZIP_DEFLATED
            archive.writestr(entry, file.content)
    target.seek(0)
    return target


def _in_chunks(packed: IO[bytes]) -> Iterator[bytes]:
    with packed:
        while chunk := packed.read(_CHUNK):
            yield chunk


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise InputError(
            "bad_day", f"日期应写作 2026-10-09，现为 {text}", f"a day is written 2026-10-09, found {text}"
        ) from None


def _month(text: str) -> Month | None:
    try:
        return Month.parse(text) if text else None
    except ValueError:
        raise InputError(
            "bad_month", f"月份应写作 2026-10，现为 {text}", f"a month is written 2026-10, found {text}"
        ) from None


def _number(text: str | None, name: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InputError(
            "bad_number", f"{name} 应为整数，现为 {text}", f"{name} is a whole number, found {text}"
        )
    return int(text)
