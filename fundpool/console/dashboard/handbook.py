"""The handbook: the site that ``make handbook`` builds, as files; anybody may read it, since it holds no data."""

from collections.abc import Callable
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

from fundpool.console.dashboard.language import Language
from fundpool.domain.errors import ServiceUnavailable
from fundpool.settings import REPOSITORY

PACKAGED = Path(__file__).with_name("handbook_site")
"""Where ``setup.py`` puts the built site in a wheel."""
SITE = PACKAGED if PACKAGED.is_dir() else REPOSITORY / "build/handbook"

POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'self'; "
    "img-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""The built pages hold no script and no style of their own (``handbook/hooks.py``); the search runs in a worker."""


class Handbook(StaticFiles):
    """The built site; looked for at each request, so that a handbook built later needs no new start."""

    def __init__(self, site: Path, language: Callable[[Request], Language]) -> None:
        super().__init__(directory=site, html=True, check_dir=False)
        self._site = site
        self._language = language

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file of the site; its root leads to the reader's language.

        Raises ServiceUnavailable ``handbook_not_built``, HTTPException 404.
        """
        if not (self._site / "zh/index.html").is_file():
            raise ServiceUnavailable(
                "handbook_not_built",
                "这台机器上没有手册：安装包或源码目录未带上它",
                "there is no handbook on this machine: it was not built into this installation",
                remedy="在源码目录执行 make handbook；安装包用 make bundle 重做 / "
                "run make handbook in the checkout; make the bundle anew with make bundle",
            )
        if path == ".":
            return RedirectResponse(f"{scope['root_path']}/{self._language(Request(scope)).key}/")
        response = await super().get_response(path, scope)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Cache-Control"] = "no-cache"  # asked for again, sent again only where it changed
        return response
