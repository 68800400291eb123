"""The lines that differ found by the workers of a Dask cluster, on as many machines as it has.

This machine reads and checks both files as ever, and deals their lines out by serial: all lines with one serial,
of either side, go to one worker, which compares them in a DuckDB of its own as this machine would. What it
finds comes back, so answer and list are the same to the byte, however many workers there are.
"""

import logging
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from fundpool.adapters.details.detail_comparison import find_differences, open_database
from fundpool.adapters.details.detail_files import printable
from fundpool.domain.errors import InputError, ServiceUnavailable
from fundpool.services.documents.detail_comparison import Side
from fundpool.version import VERSION

if TYPE_CHECKING:
    from distributed import Client, Future

LINES_PER_PART = 200_000
"""Of both sides together: some megabytes, which the scheduler keeps until they are compared."""
PARTS_PER_WORKER = 2
"""How many parts are under way at once: while a worker compares one, it is sent the next."""
ANSWER_SECONDS = 15
"""How long a scheduler without an answer, and a cluster without a worker, is waited for."""

_DEAL_OUT = """
COPY (SELECT *, hash(serial) % {parts} AS part FROM {side}_placed) TO ?
  (FORMAT parquet, PARTITION_BY (part))
"""


def compare_part(version: str, sides: Sequence[Sequence[bytes]]) -> bytes:
    """On a worker: the lines of one part, left and right, as Parquet files; the differing ones as another."""
    if version != VERSION:
        raise ValueError(f"the worker has fundpool {VERSION}, asked by {version}")
    with tempfile.TemporaryDirectory(prefix="fundpool-part-") as name:
        folder = Path(name).resolve()
        with closing(open_database(folder)) as database:
            for side, files in zip(Side, sides, strict=True):
                written = [folder / f"{side}-{number}.parquet" for number in range(len(files))]
                for file, content in zip(written, files, strict=True):
                    file.write_bytes(content)
                _take(database, f"{side}_placed", written or [_no_lines(database, folder)])
            find_differences(database, folder)
            found = folder / "found.parquet"
            database.execute("COPY difference TO ? (FORMAT parquet)", [str(found)])
        return found.read_bytes()


def _no_lines(database: duckdb.DuckDBPyConnection, folder: Path) -> Path:
    """What stands for a side that has no line of the part."""
    file = folder / "none.parquet"
    database.execute(
        "COPY (SELECT 0::BIGINT AS id, '' AS serial, 0::BIGINT AS amount_fen, 0::INTEGER AS place WHERE false) "
        "TO ? (FORMAT parquet)",
        [str(file)],
    )
    return file


def _take(database: duckdb.DuckDBPyConnection, table: str, files: Sequence[Path]) -> None:
    query = f"CREATE TABLE {table} AS SELECT * FROM read_parquet(?, hive_partitioning=false)"
    database.execute(query, [[str(file) for file in files]])


@dataclass(frozen=True)
class Cluster:
    """The workers behind a scheduler's address."""

    scheduler: str

    def find_differences(self, database: duckdb.DuckDBPyConnection, folder: Path) -> None:
        """As ``detail_comparison.find_differences``, by the workers.

        Raises InputError without the extra ``dask`` or for an address that is none, ServiceUnavailable when
        scheduler or workers are away or fail.
        """
        with self._connected() as client:
            workers = self._workers(client)
            parts = self._dealt_out(database, folder, least=workers)
            files = []
            for number, found in enumerate(self._compared(client, parts, most=PARTS_PER_WORKER * workers)):
                files.append(folder / f"found-{number}.parquet")
                files[-1].write_bytes(found)
        _take(database, "difference", files)

    def _dealt_out(
        self, database: duckdb.DuckDBPyConnection, folder: Path, *, least: int
    ) -> list[tuple[list[Path], ...]]:
        """The files of each part, left and right."""
        counted = [database.execute(f"SELECT count(*) FROM {side}_placed").fetchall()[0][0] for side in Side]
        parts = max(least, -(-sum(counted) // LINES_PER_PART))
        for side in Side:
            database.execute(_DEAL_OUT.format(parts=parts, side=side), [str(folder / side)])
        return [
            tuple(sorted((folder / side).glob(f"part={part}/*.parquet")) for side in Side)
            for part in range(parts)
        ]

    def _compared(
        self, client: "Client", parts: Sequence[tuple[list[Path], ...]], *, most: int
    ) -> Iterator[bytes]:
        from distributed import CancelledError, wait  # noqa: PLC0415 - the extra need not be installed

        waiting, under_way = list(parts), set["Future"]()
        heard = time.monotonic()
        while waiting or under_way:
            while waiting and len(under_way) < most:
                files = waiting.pop()
                content = [[file.read_bytes() for file in of_side] for of_side in files]
                under_way.add(client.submit(compare_part, VERSION, content, pure=False))
            try:
                wait(under_way, timeout=1, return_when="FIRST_COMPLETED")
            except TimeoutError:
                pass  # ask whether anybody is there at all
            except CancelledError as error:
                raise self._away(error) from error
            ended = {future for future in under_way if future.done()}
            if ended or self._has_worker(client):
                heard = time.monotonic()
            elif time.monotonic() > heard + ANSWER_SECONDS:
                raise self._no_worker()
            for future in ended:
                under_way.remove(future)
                yield self._result(future)

    def _result(self, future: "Future") -> bytes:
        try:
            found: bytes = future.result(timeout=ANSWER_SECONDS)
        except Exception as error:
            if future.status in {"cancelled", "lost"}:
                raise self._away(error) from error
            raise ServiceUnavailable(
                "comparison_worker",
                f"Dask 执行器未能比对：{_words(error)}",
                f"a worker of the Dask cluster could not compare: {_words(error)}",
                remedy="在每台工作机上安装同一版本的 fundpool[dask]，检查其内存与临时空间 / install the same fundpool[dask] on every "
                "worker's machine; check their memory and temporary space",
            ) from error
        return found

    # ------------------------------------------------------------------ the cluster

    @contextmanager
    def _connected(self) -> "Iterator[Client]":
        if find_spec("distributed") is None:
            raise InputError(
                "dask_missing",
                "没有安装 Dask 所需的组件",
                "what reaches a Dask cluster is not installed",
                remedy="pip install 'fundpool[dask]'；在检出目录中 make dask / in a checkout: make dask",
            )
        from distributed import Client  # noqa: PLC0415 - the extra need not be installed
        from distributed.comm import get_address_host_port  # noqa: PLC0415 - likewise

        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what it would say, our errors do
        try:
            # A client that cannot be made ends in a traceback half a minute later: is there anybody at all?
            place = get_address_host_port(self.scheduler)
            socket.create_connection(place, ANSWER_SECONDS).close()
            client = Client(self.scheduler, timeout=ANSWER_SECONDS, set_as_default=False)
        except (ValueError, TypeError) as error:
            raise InputError(
                "scheduler_address",
                f"不是 Dask 调度器的地址：{printable(self.scheduler)}（{_words(error)}）",
                f"no address of a Dask scheduler: {printable(self.scheduler)} ({_words(error)})",
                remedy="写法如 --scheduler tcp://10.0.0.5:8786，加密则 tls:// / written like --scheduler tcp://10.0.0.5:8786, tls:// where it is encrypted",
            ) from error
        except OSError as error:
            raise self._away(error) from error
        try:
            with client.as_current():
                yield client
        finally:
            client.close(timeout=1)

    def _workers(self, client: "Client") -> int:
        until = time.monotonic() + ANSWER_SECONDS
        while not (workers := self._has_worker(client)):
            if time.monotonic() > until:
                raise self._no_worker()
            time.sleep(0.2)
        return workers

    def _has_worker(self, client: "Client") -> int:
        try:
            return len(client.scheduler_info(n_workers=-1)["workers"])
        except Exception as error:
            raise self._away(error) from error

    def _no_worker(self) -> ServiceUnavailable:
        where = printable(self.scheduler)
        return ServiceUnavailable(
            "scheduler_no_worker",
            f"Dask 调度器 {where} 没有执行器",
            f"the Dask scheduler {where} has no worker",
            remedy=f"在工作机上运行 dask worker {where} / run dask worker {where} on the machines that are to compare",
        )

    def _away(self, error: Exception) -> ServiceUnavailable:
        where = printable(self.scheduler)
        return ServiceUnavailable(
            "scheduler_away",
            f"Dask 调度器 {where} 没有应答：{_words(error)}",
            f"the Dask scheduler {where} did not answer: {_words(error)}",
            remedy="检查地址和网络，启动 dask scheduler，或不用 --scheduler 在本机比对 / check address and network, start dask scheduler, "
            "or leave --scheduler out and compare on this machine",
        )


def _words(error: Any) -> str:
    return printable(f"{type(error).__name__}: {error}".split("\n", maxsplit=1)[0], 200)
