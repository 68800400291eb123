"""``fundpool doctor``: what is stuck, away, outdated or wrongly set up, and what to do about it."""

from collections.abc import Iterator
from typing import Annotated

from cyclopts import Parameter

from fundpool.clock import business_clock
from fundpool.console.language import choose
from fundpool.console.options import Options
from fundpool.console.output import error_lines
from fundpool.domain.errors import FundpoolError, ServiceUnavailable
from fundpool.domain.troubles import Trouble
from fundpool.settings import Settings


def doctor(
    *,
    fix: Annotated[
        bool,
        Parameter(
            help="处理可安全处理的：登记部署、恢复工作池、重新安排无人执行的运行 / mend what is safe: deploy, resume the pool, schedule again "
            "what nobody runs",
            negative="",
        ),
    ] = False,
    options: Options = Options(),
) -> int:
    """检查本机、数据库、银行与 Prefect / Look at this machine, the database, the bank and Prefect.

    退出码：0 无问题或都已处理；1 有发现；4 数据库、银行或 Prefect 没有应答。 / Exit status 0 nothing found, or all of
    it mended; 1 something was found; 4 the database, the bank or Prefect does not answer.
    """
    from fundpool.local_prefect.client import outages_in_words

    settings = options.settings
    mended: list[FundpoolError] = []
    left: list[FundpoolError] = []
    for trouble in _troubles(settings):
        if fix and trouble.mend is not None:
            with outages_in_words("Prefect"):
                trouble.mend()
            mended.append(trouble.error)
        else:
            left.append(trouble.error)
    document = {
        "troubles": [_shown(error) for error in left],
        "mended": [_shown(error) for error in mended],
    }
    lines = [
        *(line for error in mended for line in _lines(error, choose("已处理 ", "mended "))),
        *(line for error in left for line in _lines(error)),
    ]
    options.show(document, *(lines or ["没有发现问题 / nothing found"]))
    if any(isinstance(error, ServiceUnavailable) for error in left):
        return ServiceUnavailable.exit_status
    return int(bool(left))


def _troubles(settings: Settings) -> Iterator[Trouble]:
    from fundpool.adapters.installation import check_installation
    from fundpool.local_prefect.client import client_of_given_server, outages_in_words

    yield from (Trouble(error) for error in check_installation(settings))
    try:
        with client_of_given_server(settings) as url, outages_in_words(url):
            from fundpool.local_prefect.doctor import troubles_of

            yield from troubles_of(url, business_clock(None))
    except FundpoolError as error:
        yield Trouble(error)


def _shown(error: FundpoolError) -> dict[str, str | None]:
    return {"code": error.code, "zh": error.zh, "en": error.en, "remedy": error.remedy}


def _lines(error: FundpoolError, mark: str = "") -> Iterator[str]:
    first, *rest = error_lines(error)
    yield f"{mark}{first}"
    yield from rest
