"""``fundpool start`` and ``fundpool deploy``: the clock and the steps under Prefect."""

import os
import signal
import threading
from typing import Annotated

from cyclopts import Parameter

from fundpool.console.options import Options, PolicyDir


def start(
    *,
    schedules: Annotated[
        bool, Parameter(help="每日七时自动调度 / start the daily tick at seven every morning")
    ] = True,
    policy_dir: PolicyDir = None,
) -> int:
    """启动本机 Prefect 服务与执行器，直至停止 / Run a local Prefect server and worker until stopped.

    Loopback only, with its own data under FUNDPOOL_HOME/prefect. Ctrl-C or SIGTERM ends it after the
    step that is running. Exit status 4 when the server does not come up,
    or nothing was set up by ``fundpool init``.
    """
    from fundpool.local_prefect.runs import local_prefect

    if policy_dir is not None:
        # Each run is a process of its own and reads the settings itself.
        os.environ["FUNDPOOL_POLICY_DIR"] = str(policy_dir.resolve())
    options = Options(policy_dir=policy_dir)
    options.open_month()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with local_prefect(options.settings, schedules=schedules) as prefect:
        print(f"Prefect: {prefect.ui_url}", flush=True)
        print(f"PREFECT_API_URL={prefect.url}", flush=True)
        prefect.work_until(stopped)
    return 0


def deploy() -> int:
    """登记全部部署 / Register every deployment at PREFECT_API_URL, with the daily tick's schedule on.

    Exit status 4 when no Prefect server answers there.
    """
    from fundpool.local_prefect import deployments

    for name in deployments.deploy():
        print(name)
    return 0
