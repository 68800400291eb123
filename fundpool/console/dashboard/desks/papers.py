"""Papers that officials sign: what there is of a month, what not yet and why, their numbers and files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, get_args
from urllib.parse import quote

from fastapi import Request, Response

from fundpool.console.dashboard.desks.acting import acted, desk_place, obstacle, typed
from fundpool.console.dashboard.door import Route
from fundpool.console.dashboard.labels import N_
from fundpool.domain.errors import FundpoolError, InputError
from fundpool.domain.paper import Language, PaperFormat, PaperKind
from fundpool.domain.rights import Right
from fundpool.services.oversight.papers import (
    KnownPaper,
    issued_paper,
    numbered_papers,
    papers_of,
    why_none,
)

if TYPE_CHECKING:
    from fundpool.console.dashboard.app import Pages

PATH = "/papers"

DONE: Mapping[str, str] = {"numbered": N_("Numbered. The files stand below.")}
"""What the page says after an act."""


@dataclass(frozen=True, slots=True)
class PapersOfKind:
    """A kind of paper: what can be had, else why there is nothing."""

    kind: PaperKind
    papers: Sequence[KnownPaper]
    why_none: tuple[str, str]

    @property
    def name(self) -> tuple[str, str]:
        return self.kind.in_words("zh"), self.kind.in_words("en")

    @property
    def without_number(self) -> int:
        """How many say what has no number yet."""
        return sum(each.number is None for each in self.papers)


def routes(pages: "Pages") -> tuple[Route, ...]:
    """The page, its files, and the act that gives a paper its number."""
    desk = PapersDesk(pages)
    return (
        Route(PATH, Right.READ_CITY, desk.papers),
        Route(f"{PATH}/{{kind}}.{{suffix}}", Right.READ_CITY, desk.file),
        Route(f"{PATH}/number", Right.OPERATE, desk.number, "POST"),
    )


class PapersDesk:
    """The page and its act, which is the service that ``fundpool report paper`` calls."""

    def __init__(self, pages: "Pages") -> None:
        self._pages = pages

    def papers(self, request: Request, error: FundpoolError | None = None, status: int = 200) -> Response:
        """Every kind of paper of the month (``fundpool report papers``)."""
        place = replace(desk_place(self._pages, request), path=PATH)
        city, month, now = place.city.key, place.month, place.moment.at
        known = papers_of(self._pages.reader.ports, city=city, month=month, now=now)
        return self._pages.page(
            request,
            "papers.html",
            place,
            status_code=status,
            error=error,
            done=DONE.get(request.query_params.get("done", "")),
            kinds=[
                PapersOfKind(
                    kind, [each for each in known if each.paper.kind is kind], why_none(kind, month, now)
                )
                for kind in PaperKind
            ],
            may_not=obstacle(request.state.account, Right.OPERATE, lambda _name: None),
        )

    def number(self, request: Request) -> Response:
        """Number one paper, or every one of a kind; the account stands in the register."""
        place = desk_place(self._pages, request)

        def act() -> str:
            numbered_papers(
                self._pages.reader.ports,
                typed(request, "kind"),
                city=place.city.key,
                month=place.month,
                subject=None if typed(request, "all") else typed(request, "subject"),
                now=place.moment.at,
                by=request.state.account.name,
            )
            return "numbered"

        return acted(act, place.url(PATH), again=partial(self.papers, request))

    def file(self, request: Request) -> Response:
        """A numbered paper as a Word document or workbook; reading assigns nothing."""
        place, wanted = desk_place(self._pages, request), request.path_params
        formats: dict[str, PaperFormat] = {each: each for each in get_args(PaperFormat)}
        if wanted["suffix"] not in formats:
            raise InputError(
                "unknown_format",
                f"不能写成 .{wanted['suffix']}",
                f"cannot be written as .{wanted['suffix']}",
                remedy=" | ".join(formats),
            )
        language: Language = "en" if request.query_params.get("text") == "en" else "zh"
        found = issued_paper(
            self._pages.reader.ports,
            wanted["kind"],
            city=place.city.key,
            month=place.month,
            subject=request.query_params.get("subject", ""),
            now=place.moment.at,
            language=language,
            file_format=formats[wanted["suffix"]],
        )
        return Response(
            found.content,
            media_type=found.media_type,
            headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name)}"},
        )
