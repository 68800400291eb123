"""What keeps this machine from working: its data folder, the disk, the database, the way to the bank."""

import os
import shutil
from collections.abc import Iterator

from fundpool.adapters.http_client import Deadlines, NoResponse, exchange
from fundpool.adapters.stores.database import Database
from fundpool.domain.errors import FundpoolError, RuleViolation
from fundpool.services.ports.gateway import gateway_unavailable
from fundpool.settings import Settings, unknown_variables

LEAST_FREE_BYTES = 1_000_000_000
"""A month of a province's files, with room for the database's own work."""


def check_installation(settings: Settings) -> Iterator[FundpoolError]:
    """Everything that is found here; nothing is changed."""
    yield from unknown_variables()
    yield from _folder(settings)
    yield from _database(settings)
    yield from _bank(settings)


def _folder(settings: Settings) -> Iterator[FundpoolError]:
    home = settings.home.resolve()
    if not home.is_dir():
        yield RuleViolation(
            "home_missing",
            f"没有数据目录 {home}",
            f"there is no data folder {home}",
            remedy="fundpool init，或设置 FUNDPOOL_HOME / fundpool init, or set FUNDPOOL_HOME",
        )
        return
    if home.stat().st_uid != os.geteuid() or not os.access(home, os.W_OK | os.X_OK):
        yield RuleViolation(
            "home_not_ours",
            f"数据目录 {home} 不属于本用户，或不能写入",
            f"the data folder {home} is another user's, or cannot be written to",
            remedy=f"chown -R {os.geteuid()} {home}; chmod u+rwX {home}",
        )
    free = shutil.disk_usage(home).free
    if free < LEAST_FREE_BYTES:
        yield RuleViolation(
            "disk_nearly_full",
            f"{home} 所在磁盘只剩 {free // 1_000_000} MB",
            f"the disk of {home} has {free // 1_000_000} MB left",
            remedy="清理磁盘或换更大的磁盘 / make room, or move to a larger disk",
        )


def _database(settings: Settings) -> Iterator[FundpoolError]:
    database = Database(settings.resolved_database_url)
    try:
        database.read(lambda _connection: None)  # compares the tables with this version
    except FundpoolError as error:
        yield error
    finally:
        database.dispose()


def _bank(settings: Settings) -> Iterator[FundpoolError]:
    if settings.gateway_kind == "file":
        for folder in (settings.resolved_outbox, settings.resolved_inbox):
            if not os.access(folder, os.W_OK):
                yield RuleViolation(
                    "bank_folder",
                    f"与银行交换文件的目录 {folder} 不存在或不能写入",
                    f"the folder {folder} for files to and from the bank is missing or cannot be written to",
                    remedy=f"mkdir -p {folder}",
                )
    elif settings.gateway_url is None:
        yield RuleViolation(
            "gateway_not_configured",
            "没有设置支付网关，付款不会送出",
            "no payment gateway is set: no payment is sent",
            remedy="FUNDPOOL_GATEWAY_URL, FUNDPOOL_GATEWAY_SECRET",
        )
    else:
        try:  # whatever it answers, it is there
            exchange("GET", settings.gateway_url, deadlines=Deadlines(connect_s=5, read_s=5, total_s=10))
        except NoResponse:
            yield gateway_unavailable()
