"""Wall time by stage, and peak memory of this process with all its children."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SAMPLE_SECONDS = 0.5
_MEGABYTE = 1024 * 1024


def cpu_seconds() -> float:
    """Processor time of this process and of every child that has ended."""
    return sum(os.times()[:4])


def cpu_seconds_of_children() -> float:
    """Processor time of the children that run now, such as a server; Linux."""
    ticks = 0
    for child in _descendants(os.getpid()):
        try:
            fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def cpu_seconds_of_tree(process: int, *, with_children: bool = True) -> float:
    """Processor time of a process and, unless told otherwise, of its children, those that ended included; Linux."""
    ticks = 0
    for each in [process, *(_descendants(process) if with_children else [])]:
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        ticks += sum(int(field) for field in fields[11 : 15 if with_children else 13])
    return ticks / os.sysconf("SC_CLK_TCK")


class Stopwatch:
    """Wall and processor seconds per stage. A stage inside another is charged to itself alone.

    On a machine that others use too, wall time says how long it took and processor time how much
    work it was.
    """

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self._stack: list[str] = []
        self._since = time.perf_counter(), cpu_seconds()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self._charge()
        self._stack.append(name)
        try:
            yield
        finally:
            self._charge()
            self._stack.pop()

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function``, with the time it takes charged to a stage."""

        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with self.stage(name):
                return function(*args, **kwargs)

        return run

    def _charge(self) -> None:
        now = time.perf_counter(), cpu_seconds()
        if self._stack:
            name = self._stack[-1]
            self.wall[name] = self.wall.get(name, 0.0) + now[0] - self._since[0]
            self.cpu[name] = self.cpu.get(name, 0.0) + now[1] - self._since[1]
        self._since = now


class PeakMemory:
    """The largest memory seen while the ``with`` block runs, sampled; Linux.

    Pages that several processes share are divided among them: a child that was forked a moment ago
    does not count as a second parent.
    """

    def __init__(self, every_seconds: float = SAMPLE_SECONDS) -> None:
        self._every_seconds = every_seconds
        self.peak_mb: dict[str, int] = {"this_process": 0, "with_children": 0}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            own = _resident_bytes(os.getpid())
            family = own + sum(_resident_bytes(child) for child in _descendants(os.getpid()))
            for name, size in (("this_process", own), ("with_children", family)):
                self.peak_mb[name] = max(self.peak_mb[name], size // _MEGABYTE)
            if self._done.wait(self._every_seconds):
                return


def _resident_bytes(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:  # it ended meanwhile
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _descendants(process: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(folder.name))
    found: list[int] = []
    waiting = [process]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found
