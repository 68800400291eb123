"""What desks share: why somebody may not act, and a form's page shown again beside its error."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import UploadFile

from fundpool.adapters.documents.file_names import shown_name
from fundpool.adapters.documents.raw_files import source_from
from fundpool.console.dashboard.door import log_in_needed
from fundpool.console.dashboard.reading import Moment
from fundpool.domain.accounts import Account
from fundpool.domain.errors import FundpoolError, InputError, RuleViolation, ServiceUnavailable
from fundpool.domain.money import parse_yuan
from fundpool.domain.rights import Right
from fundpool.services.ports.judging import SourceFile

if TYPE_CHECKING:
    from fundpool.console.dashboard.app import Pages, Place

_GROUPED = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]{1,2})?", re.ASCII)


def obstacle(account: Account | None, right: Right, rule: Callable[[str], object]) -> FundpoolError | None:
    """Why the account may not act: its rights, else what ``rule`` raises for its name; None when it may."""
    try:
        if account is None:
            raise log_in_needed()
        account.require(right)
        rule(account.name)
    except (InputError, RuleViolation) as error:
        return error
    return None


def desk_place(pages: "Pages", request: Request) -> "Place":
    """City and month of the address, as they stand now: at a desk people act, and nobody acts in the past."""
    place = pages.place(request)
    return place if place.as_of is None else replace(place, as_of=None, moment=Moment(pages.clock()))


def acted(act: Callable[[], str], back: str, *, again: Callable[[FundpoolError, int], Response]) -> Response:
    """Act and lead back to ``back`` with the word for what was done; ``again`` shows the page with an error and status."""
    try:
        done = act()
    except InputError as error:
        return again(error, 400)
    except RuleViolation as error:
        return again(error, 409)
    except ServiceUnavailable as error:
        return again(error, 503)
    return RedirectResponse(f"{back}&{urlencode({'done': done})}", 303)


def typed(request: Request, field: str) -> str:
    """What was typed into a field of the form, without blanks around it."""
    return str(request.state.form.get(field) or "").strip()


def typed_fen(request: Request, field: str) -> int:
    """An amount in yuan as fen; thousands may be set apart. Raises InputError ``bad_amount``."""
    text = typed(request, field)
    try:
        return parse_yuan(text.replace(",", "") if _GROUPED.fullmatch(text) else text)
    except ValueError:
        raise InputError(
            "bad_amount",
            f"金额应写作 1234567.89（元），现为“{text}”",
            f"an amount in yuan is written 1234567.89, found “{text}”",
        ) from None


def typed_day(request: Request, field: str) -> date:
    """A day of the form. Raises InputError ``bad_day``."""
    text = typed(request, field)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(
            "bad_day", f"日期应写作 2026-10-09，现为“{text}”", f"a day is written 2026-10-09, found “{text}”"
        ) from None


def uploaded(request: Request, field: str) -> SourceFile | None:
    """The file of the form, None where none was chosen. Raises InputError for one that is too large."""
    upload = request.state.form.get(field)
    if not isinstance(upload, UploadFile) or not upload.filename:  # a field left empty has no name
        return None
    name = shown_name(upload.filename.replace("\\", "/").rpartition("/")[2])
    return source_from(upload.file, name, upload.size or 0)
