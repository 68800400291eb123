"""One real Prefect server with a worker for this folder's tests, and a city's scene behind the flows."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.periods import Month
from fundpool.local_prefect.runs import LocalPrefect, local_prefect
from fundpool.settings import Settings
from tests.canary import GATEWAY_SECRET
from tests.integration.month_scene import CityScene
from tests.seals import SEALS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder needs the Prefect server."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.orchestration)


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder that the folder's server uses."""
    return tmp_path_factory.mktemp("prefect-home")


@pytest.fixture(scope="package")
def prefect(prefect_home: Path) -> Iterator[LocalPrefect]:
    """Server, deployments and worker; the daily clock is off, tests have their own.

    What the product waits for by itself is waited for as often, but not as long.
    """
    from fundpool.local_prefect import worker  # noqa: PLC0415 - imports Prefect
    from tasks.options import RETRY_WHEN_AWAY  # noqa: PLC0415

    pauses = RETRY_WHEN_AWAY["retry_delay_seconds"]  # one list, which every task has
    with ExitStack() as running, pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "HEARTBEAT_SECONDS", 5)
        running.callback(pauses.__setitem__, slice(None), pauses[:])
        pauses[:] = [0.1 for _ in pauses]
        # Started as an installation with secrets is: none of them may reach the server.
        with pytest.MonkeyPatch.context() as at_start:
            at_start.setenv("FUNDPOOL_GATEWAY_SECRET", GATEWAY_SECRET)
            local = running.enter_context(local_prefect(Settings(home=prefect_home)))
        yield local


@pytest.fixture
def scene_of(
    prefect: LocalPrefect, tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., CityScene]]:
    """Builds a city on a fresh database and lets every flow work on it."""
    databases: list[Database] = []

    def build(city: str, month: Month, **options: tuple[str, ...]) -> CityScene:
        from tasks import process  # noqa: PLC0415 - Prefect takes its settings when first imported

        file = tmp_path / f"{city}.db"
        shutil.copyfile(sqlite_template, file)
        databases.append(Database(f"sqlite:///{file}"))
        folder = tmp_path / city
        folder.mkdir()
        scene = CityScene(SqlTransactions(databases[-1], SEALS), folder, city, month, **options)
        monkeypatch.setattr(process, "ports_behind", lambda _settings: scene.ports)
        return scene

    yield build
    for database in databases:
        database.dispose()
