"""``fundpool init``: set up the database and the folders."""

from typing import Annotated, Any

from cyclopts import Parameter

from fundpool.console.language import choose
from fundpool.console.options import Options
from fundpool.domain.errors import InputError

EVERY = "all"


def init(
    *,
    cities: Annotated[
        str | None,
        Parameter(
            help="在此运行的统筹区，以逗号分隔，all 为全部 / cities that run here, separated by commas, or all; default "
            "FUNDPOOL_CITIES, else every city in force"
        ),
    ] = None,
    sandbox: Annotated[
        bool,
        Parameter(
            help="沙盒：可指定业务时间，每页每纸皆标明；不可撤销 / a sandbox: business time may be named, every page and "
            "paper says so; for good",
            negative="",
        ),
    ] = False,
    options: Options = Options(),
) -> int:
    """建库建目录，可重复执行，重复时只改所运行的城市 / Set up the database and the folders; running it again changes nothing but the cities.

    先读政策文件；其中一份有误则什么都不建（退出码 2）。 / The policy files are read first; while one of them is wrong nothing is set up (exit status 2).
    """
    from fundpool.adapters.policies.policy_files import load_policies
    from fundpool.adapters.stores.migrations import current
    from fundpool.adapters.stores.setting_up import install, open_to_others
    from fundpool.bootstrap import build_ports
    from fundpool.console.commands.users import first_user
    from fundpool.services.payments.installation import is_runnable, is_sandbox, known_cities

    settings = options.settings
    policies = load_policies(settings.policy_dir)
    chosen = settings.cities or None if cities is None else tuple(cities.split(","))
    if chosen == (EVERY,):
        chosen = ()
    for key in chosen or ():
        if not is_runnable(policies.city(key)):
            raise InputError(
                "city_not_in_force",
                f"{key} 的文件未施行，不能在此运行",
                f"the document of {key} is not in force: its month cannot be run",
                remedy="fundpool policy list",
            )
    database = install(settings, cities=chosen, sandbox=sandbox)
    ports = build_ports(settings)
    here = known_cities(ports)
    document: dict[str, Any] = {
        "home": str(settings.home.resolve()),
        "database": database.shown_url,
        "revision": current(database),
        "drop_folder": str(settings.resolved_drop_folder.resolve()),
        "policy_dir": str(settings.policy_dir.resolve()),
        "cities": [city.key for city in here],
        "sandbox": ports.database.read(is_sandbox),
        "users": ports.database.read(lambda work: len(work.users.all())),
        "warnings": open_to_others(settings),
    }
    database.dispose()
    return options.show(
        document,
        f"{choose('就绪：', 'ready: ')}{document['database']}",
        *(["沙盒 / SANDBOX"] if document["sandbox"] else []),
        f"{choose('收件目录：', 'drop folder: ')}{document['drop_folder']}/<city>/<document>/",
        f"{choose('政策文件：', 'policies: ')}{document['policy_dir']}",
        *(f"  {city.key} {choose(city.name_zh, city.name_en)}" for city in here),
        *([] if document["users"] else [first_user(is_sandbox=document["sandbox"])]),
        *document["warnings"],
    )
