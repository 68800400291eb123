"""``fundpool serve``: the dashboard, until it is stopped."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from fundpool.console.language import choose
from fundpool.console.options import AsOf, Options, PolicyDir, played_clock
from fundpool.domain.errors import ServiceUnavailable

if TYPE_CHECKING:
    from fundpool.services.ports.work import MonthPorts


@dataclass
class _Sandbox:
    """What every page says of a sandbox, asked of the database until it answers."""

    ports: "MonthPorts"
    answer: str | None = None
    is_known: bool = False

    def notice(self) -> str | None:
        """The line; None for a real installation, and for one whose database is away.

        Raises ServiceUnavailable where nothing was set up, InputError for tables of another version.
        """
        from fundpool.services.payments.installation import notice_of

        if not self.is_known:
            try:
                self.answer, self.is_known = self.ports.database.read(notice_of), True
            except ServiceUnavailable as away:
                if away.code == "database_not_set_up":
                    raise
        return self.answer


def serve(
    *,
    host: Annotated[
        str | None, Parameter(help="监听地址，默认只限本机 / address to bind; default: this machine only")
    ] = None,
    port: Annotated[int | None, Parameter(help="端口，0 取任一空闲端口 / port; 0 takes any free one")] = None,
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
) -> int:
    """看板：只供查看，中文或英文，默认只在本机打开 / The dashboard: for reading, in Chinese or English, open on this machine by default."""
    from functools import partial
    from threading import Thread

    from prometheus_client import CollectorRegistry

    from fundpool.adapters.keys.signature import shared_secret
    from fundpool.bootstrap import build_ports, get_ready_to_judge, identity_provider, open_installation
    from fundpool.clock import business_clock
    from fundpool.console.callback_record import CallbackRecord
    from fundpool.console.callbacks import callback_router
    from fundpool.console.dashboard.app import DashboardOptions, create_app
    from fundpool.console.dashboard.reading import MonthReader
    from fundpool.console.dashboard.server import answered_hosts, serve_until_stopped
    from fundpool.console.health_pages import KeptHealth, health_router
    from fundpool.local_prefect.runs import run_url
    from fundpool.services.payments.resolving import receive_callback
    from fundpool.services.watch.health import health_of

    settings = Options(policy_dir=policy_dir).settings
    bound = settings.dashboard_host if host is None else host
    played_clock(settings, as_of)  # a wrong --as-of is an error now, not on the first page
    ports = build_ports(settings)
    sandbox = _Sandbox(ports)
    sandbox.notice()  # nothing that was never set up is served; a database that is only away is
    installation = open_installation(settings, ports)
    health = KeptHealth(lambda: health_of(installation, business_clock(as_of)))
    app = create_app(
        MonthReader(ports),
        partial(business_clock, as_of),
        DashboardOptions(
            run_url=partial(run_url, settings),
            notice=lambda: "\n".join(filter(None, (sandbox.notice(), settings.dashboard_notice))) or None,
            only_past=lambda: sandbox.notice() is None,
            hosts=answered_hosts(bound),
            only_known_then=as_of is not None,
            provider=identity_provider(settings),
            health=health,
        ),
    )
    # The bank's callbacks come in at the same port; they only make us query the bank (docs/gateway.md).
    registry = CollectorRegistry()
    record = CallbackRecord(settings.home, registry)
    app.include_router(health_router(health, registry))
    app.include_router(
        callback_router(
            secret=partial(shared_secret, settings),
            key_id=settings.gateway_key_id,
            record=record,
            receive=lambda event_id, key, raw: receive_callback(
                ports, gateway="main", event_id=event_id, key=key, raw=raw, now=business_clock(as_of)
            ),
        )
    )
    Thread(target=get_ready_to_judge, daemon=True).start()
    wanted = settings.dashboard_port if port is None else port
    serve_until_stopped(
        app,
        bound,
        wanted,
        ready=lambda address: print(f"{choose('看板', 'dashboard')}: {address}", flush=True),
    )
    return 0
