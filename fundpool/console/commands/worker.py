"""``fundpool worker``: runs what a Prefect server schedules."""

import os
from typing import Annotated

from cyclopts import Parameter, validators

from fundpool.console.options import Options, PolicyDir
from fundpool.console.signals import Ending, end_as_if_killed, say, say_alive

FinishWithin = Annotated[
    float,
    Parameter(
        validator=validators.Number(gte=0),
        help="收到停止信号后最多等待几秒，之后交回在办的步骤 / seconds to finish in after a signal, then the step is handed back",
    ),
]
FINISH_WITHIN_SECONDS = 300.0


def worker(
    *,
    name: Annotated[
        str,
        Parameter(
            help="执行器名称，后接主机、进程与启动时刻 / what people know it by; host, process and start are added"
        ),
    ] = "worker",
    finish_within: FinishWithin = FINISH_WITHIN_SECONDS,
    policy_dir: PolicyDir = None,
) -> int:
    """执行 PREFECT_API_URL 所排的步骤，直至停止 / Run what the Prefect server at PREFECT_API_URL schedules, until stopped.

    多个执行器可服务同一服务，同机或多机。服务不在则等待；死去的执行器留下的再执行；因服务不在而未成的，一小时内再试。Ctrl-C 或
    SIGTERM 在办完当前步骤后结束，再来一次则交回该步骤。 / Several may serve one server, on one machine or many. It waits for a server that is away, runs again what a
    worker that died has left, and tries again over an hour what failed because a service was away. Ctrl-C or
    SIGTERM ends it after the step that is running, a second one hands that step back.
    """
    from fundpool.local_prefect.client import client_of_given_server
    from fundpool.local_prefect.deployments import load_flows

    if policy_dir is not None:
        os.environ["FUNDPOOL_POLICY_DIR"] = str(policy_dir.resolve())
    ending = Ending()
    ending.listen()
    options = Options(policy_dir=policy_dir)
    options.require_set_up()
    with client_of_given_server(options.settings) as url:
        load_flows()
        from fundpool.local_prefect.patience import Patience
        from fundpool.local_prefect.worker import working

        patience = Patience(finish_within, ending.hurried)
        with working(name, patience=patience, say=say) as running:
            say(f"{running.name} → {url}")
            while not ending.stopped.wait(1):
                running.must_be_well()
                say_alive()
    if running.is_cut_short:
        end_as_if_killed()
    return 0
