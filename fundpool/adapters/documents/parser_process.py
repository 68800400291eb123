"""Runs the child process that parses received files: it serves many files and is killed when a file exceeds a limit."""

import base64
import hashlib
import json
import os
import selectors
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fundpool.adapters.documents import parsing
from fundpool.adapters.documents.file_names import is_litter, shown_name
from fundpool.services.ports.judging import SourceFile

SCRIPT = Path(parsing.__file__)
"""What the child runs."""
_LEGACY_READER = find_spec("python_calamine")

WALL_SECONDS = 28.0
FILE_BYTES = 20 * 1024 * 1024
NAME_CHARACTERS = 255
"""How much of a file's name is kept."""
REPLY_BYTES = 128 * 1024 * 1024


class ParserProcess:
    """A child process with limits. ``wall_seconds`` is how long one file may take."""

    def __init__(self, wall_seconds: float = WALL_SECONDS) -> None:
        self._wall_seconds = wall_seconds
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "ParserProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def take_apart(self, content: bytes) -> dict[str, Any]:
        """The child's answer for ``content``; the file is refused when the child dies or takes too long."""
        if len(content) > FILE_BYTES:
            return {"ok": False, "reason": "too_large", "found": f"> {FILE_BYTES // 1024 // 1024} MB"}
        child = self._running()
        assert child.stdin is not None
        try:
            child.stdin.write(len(content).to_bytes(8, "big") + content)
            child.stdin.flush()
        except BrokenPipeError:
            self._stop()
            return {"ok": False, "reason": "killed", "found": "parser stopped"}
        deadline = time.monotonic() + self._wall_seconds
        reply = self._receive(child, 8, deadline)
        if isinstance(reply, bytes):
            size = int.from_bytes(reply, "big")
            reply = self._receive(child, size, deadline) if size <= REPLY_BYTES else "too_large"
        if isinstance(reply, str):
            self._stop()
            return {"ok": False, "reason": reply, "found": _LIMITS[reply]}
        answer: dict[str, Any] = json.loads(reply)
        if answer.get("reason") == "out_of_memory":
            self._stop()
        return answer

    def _receive(self, child: subprocess.Popen[bytes], size: int, deadline: float) -> bytes | str:
        assert child.stdout is not None
        parts: list[bytes] = []
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while size > 0:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    return "timed_out"
                part = os.read(child.stdout.fileno(), min(size, 1 << 20))
                if not part:
                    return "killed"
                parts.append(part)
                size -= len(part)
        return b"".join(parts)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._stop()
            # -I -S: neither the environment nor any installed package is part of this process, but for the
            # reader of legacy workbooks, which is imported when one comes.
            assert _LEGACY_READER is not None
            assert _LEGACY_READER.origin is not None
            packages = Path(_LEGACY_READER.origin).parent.parent
            self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and script
                [sys.executable, "-I", "-S", "-B", str(SCRIPT), str(packages)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"LANG": "C.UTF-8"},
                close_fds=True,
            )
        return self._child

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                stream.close()


_LIMITS = {
    "timed_out": f"{WALL_SECONDS:.0f} s",
    "killed": f"{parsing.CPU_SECONDS} s CPU / {parsing.MEMORY_BYTES // 1024 // 1024} MB",
    "too_large": f"reply > {REPLY_BYTES} bytes",
}


PARSER = hashlib.sha256(SCRIPT.read_bytes()).digest()
"""Stands before the cells of a file: which version of the parser found them."""


def with_members(files: Sequence[SourceFile]) -> list[SourceFile]:
    """The files, in place of each zip that is no workbook the files in it, named after it."""
    zips = [file for file in files if _may_be_a_folder(file.content)]
    if not zips:
        return list(files)
    answers = {id(file): answer for file, answer in zip(zips, take_apart_all(zips), strict=True)}
    found: list[SourceFile] = []
    for file in files:
        members = [
            SourceFile(f"{file.name}/{shown_name(name)}"[-NAME_CHARACTERS:], base64.b64decode(content))
            for name, content in answers.get(id(file), {}).get("members", ())
            if not is_litter(name)
        ]
        found += members or [file]
    return found


def _may_be_a_folder(content: bytes) -> bool:
    """Whether the bytes are a zip that does not list what every workbook of Office has; the child makes sure."""
    if not content.startswith(b"PK\x03\x04"):
        return False
    end = content.rfind(b"PK\x05\x06")
    directory = int.from_bytes(content[end + 16 : end + 20], "little")
    return end > 0 and b"[content_types].xml" not in content[directory:end].lower()


def parse_files(files: Sequence[SourceFile]) -> list[SourceFile]:
    """The files with their cells: ``PARSER``, then the parser's answer as zlib-compressed JSON."""
    return [
        replace(file, cells=PARSER + zlib.compress(json.dumps(answer).encode()))
        for file, answer in zip(files, take_apart_all(files), strict=True)
    ]


def take_apart_all(
    files: Sequence[SourceFile], *, wall_seconds: float = WALL_SECONDS
) -> Iterator[dict[str, Any]]:
    """The parser's answer for each file, in order; a file that kills the child gets the next one a new child.

    A file that brings the cells which this version's parser found is not parsed again.
    """
    with ParserProcess(wall_seconds) as parser:
        for file in files:
            if file.cells is not None and file.cells.startswith(PARSER):
                yield json.loads(zlib.decompress(file.cells[len(PARSER) :]))
            else:
                yield parser.take_apart(file.content)
