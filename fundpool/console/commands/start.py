"""``fundpool start`` and ``fundpool deploy``: the clock and the steps under Prefect."""

import os
from typing import Annotated

from cyclopts import Parameter

from fundpool.console.commands.worker import FINISH_WITHIN_SECONDS, FinishWithin
from fundpool.console.options import Options, PolicyDir
from fundpool.console.signals import Ending, end_as_if_killed, say
from fundpool.local_prefect.client import QUIET_CLIENT, environment


def start(
    *,
    schedules: Annotated[
        bool, Parameter(help="每日七时自动调度 / start the daily tick at seven every morning")
    ] = True,
    finish_within: FinishWithin = FINISH_WITHIN_SECONDS,
    policy_dir: PolicyDir = None,
) -> int:
    """启动本机 Prefect 服务与执行器，直至停止 / Run a local Prefect server and worker until stopped.

    只在本机回环地址，数据在 FUNDPOOL_HOME/prefect；服务中断会重新启动。Ctrl-C 或 SIGTERM 在办完当前步骤后结束，再来一次则交回
    该步骤。服务起不来，或没有执行过 fundpool init 时退出码 4。 / Loopback only, with its own data under FUNDPOOL_HOME/prefect; a server that ends is started again. Ctrl-C or
    SIGTERM ends it after the step that is running, a second one hands that step back. Exit status 4 when
    the server does not come up, or nothing was set up by fundpool init.
    """
    from fundpool.local_prefect.patience import Patience
    from fundpool.local_prefect.runs import local_prefect

    if policy_dir is not None:
        # The flows read the settings themselves.
        os.environ["FUNDPOOL_POLICY_DIR"] = str(policy_dir.resolve())
    ending = Ending()
    ending.listen()
    options, patience = Options(policy_dir=policy_dir), Patience(finish_within, ending.hurried)
    options.require_set_up()
    with local_prefect(options.settings, schedules=schedules, patience=patience, say=say) as prefect:
        print(f"Prefect: {prefect.ui_url}", flush=True)
        print(f"PREFECT_API_URL={prefect.url}", flush=True)
        prefect.work_until(ending.stopped)
    if prefect.is_cut_short:
        end_as_if_killed()
    return 0


def server() -> int:
    """只运行 Prefect 服务，供另行运行的执行器，直至停止 / Run the Prefect server alone, for workers of their own, until stopped.

    地址为 FUNDPOOL_PREFECT_HOST 与 FUNDPOOL_PREFECT_PORT；数据库为 FUNDPOOL_HOME 下的 SQLite，或
    FUNDPOOL_PREFECT_DATABASE_URL。一有应答即登记部署；中断或无声则重新启动。起不来时退出码 4。 / At FUNDPOOL_PREFECT_HOST and FUNDPOOL_PREFECT_PORT, on SQLite below FUNDPOOL_HOME or on
    FUNDPOOL_PREFECT_DATABASE_URL. The deployments are registered as soon as it answers; one that ends or falls silent
    is started again. Exit status 4 when it does not come up.
    """
    from fundpool.local_prefect.client import past_every_proxy
    from fundpool.local_prefect.deployments import deploy as register
    from fundpool.local_prefect.server import STARTED_AGAIN, running_server

    ending, options = Ending(), Options()
    ending.listen()
    options.require_set_up()
    with running_server(options.settings) as running:
        running.wait_healthy()
        # A server that falls silent meanwhile is soon given up: a minute of tries more would hold its new start.
        few_tries = {"PREFECT_CLIENT_MAX_RETRIES": "3"}
        with environment({**QUIET_CLIENT, **few_tries, "PREFECT_API_URL": running.url, **past_every_proxy()}):
            register()
        print(f"Prefect: {running.address}", flush=True)
        print(f"PREFECT_API_URL={running.url}", flush=True)
        with running.announced():
            while not ending.stopped.wait(1):
                if running.start_again_when_ended():
                    say(STARTED_AGAIN)
    return 0


def deploy() -> int:
    """在 PREFECT_API_URL 登记全部部署，每日调度打开 / Register every deployment at PREFECT_API_URL, with the daily tick's schedule on.

    没有 Prefect 服务应答时退出码 4。 / Exit status 4 when no Prefect server answers there.
    """
    from fundpool.local_prefect import deployments
    from fundpool.local_prefect.client import client_of_given_server

    with client_of_given_server(Options().settings):
        for name in deployments.deploy():
            print(name)
    return 0
