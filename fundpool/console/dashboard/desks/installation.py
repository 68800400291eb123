"""The installation (本机), for the system administrator: what ``fundpool health`` says of the machine, none of the business."""

from functools import partial
from typing import TYPE_CHECKING

from fastapi import Request, Response

from fundpool.console.dashboard.door import Route
from fundpool.domain.rights import Right

if TYPE_CHECKING:
    from fundpool.console.dashboard.app import Pages

PATH = "/installation"


def routes(pages: "Pages") -> tuple[Route, ...]:
    """The one page."""
    return (Route(PATH, Right.MAINTAIN, partial(installation, pages)),)


def installation(pages: "Pages", request: Request) -> Response:
    """State, backup, queue, disk and versions, with what needs a hand and the commands that help."""
    look = pages.options.health
    health = None if look is None else look()
    reasons = () if health is None else [reason for reason in health.reasons if reason.city is None]
    return pages.page(request, "installation.html", None, health=health, reasons=reasons)
