"""``fundpool serve``: the dashboard, until it is stopped."""

from typing import Annotated

from cyclopts import Parameter

from fundpool.console.options import AsOf, Options, PolicyDir, played_clock


def serve(
    *,
    host: Annotated[
        str | None, Parameter(help="监听地址，默认只限本机 / address to bind; default: this machine only")
    ] = None,
    port: Annotated[int | None, Parameter(help="端口，0 取任一空闲端口 / port; 0 takes any free one")] = None,
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
) -> int:
    """看板：只供查看，中英文，默认只在本机打开 / The dashboard: for reading, open on this machine by default."""
    from functools import partial

    from prometheus_client import CollectorRegistry

    from fundpool.adapters.keys.signature import shared_secret
    from fundpool.bootstrap import open_installation, open_ports
    from fundpool.clock import business_clock
    from fundpool.console.callback_record import CallbackRecord
    from fundpool.console.callbacks import callback_router
    from fundpool.console.dashboard.app import DashboardOptions, create_app
    from fundpool.console.dashboard.reading import MonthReader
    from fundpool.console.dashboard.server import answered_hosts, serve_until_stopped
    from fundpool.console.health_pages import KeptHealth, health_router
    from fundpool.local_prefect.runs import run_url
    from fundpool.services.payments.installation import notice_of
    from fundpool.services.payments.resolving import receive_callback
    from fundpool.services.watch.health import health_of

    settings = Options(policy_dir=policy_dir).settings
    bound = settings.dashboard_host if host is None else host
    played_clock(settings, as_of)  # a wrong --as-of is an error now, not on the first page
    ports = open_ports(settings)
    notice = ports.database.read(notice_of)
    app = create_app(
        MonthReader(ports),
        partial(business_clock, as_of),
        DashboardOptions(
            run_url=partial(run_url, settings),
            notice=" · ".join(part for part in (notice, settings.dashboard_notice) if part) or None,
            only_past=notice is None,
            hosts=answered_hosts(bound),
            only_known_then=as_of is not None,
        ),
    )
    # The bank's callbacks come in at the same port; they only make us query the bank (docs/gateway.md).
    registry = CollectorRegistry()
    record = CallbackRecord(settings.home, registry)
    installation = open_installation(settings, ports)
    app.include_router(
        health_router(KeptHealth(lambda: health_of(installation, business_clock(as_of))), registry)
    )
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
    wanted = settings.dashboard_port if port is None else port
    serve_until_stopped(
        app, bound, wanted, ready=lambda address: print(f"看板 dashboard: {address}", flush=True)
    )
    return 0
