"""Keeps the child process that takes received files apart: one for many files, killed when it must be."""

import json
import os
import selectors
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from fundpool.adapters.documents import parsing
from fundpool.services.ports.judging import SourceFile

WALL_SECONDS = 28.0
FILE_BYTES = 20 * 1024 * 1024
REPLY_BYTES = 128 * 1024 * 1024


class ParserProcess:
    """A child process with limits. ``wall_seconds`` is how long one file may take."""

    def __init__(self, wall_seconds: float = WALL_SECONDS) -> None:
        self._wall_seconds = wall_seconds
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "ParserProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def take_apart(self, content: bytes) -> dict[str, Any]:
        """What the child says of ``content``; a child that dies or dawdles is the file's refusal."""
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
            # -I -S: neither the environment nor any installed package is part of this process.
            self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and script
                [sys.executable, "-I", "-S", str(Path(parsing.__file__))],
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


class KeptAnswers:
    """The parser's latest answers by the SHA-256 of the bytes: a file is read at intake and again when judged.

    An answer follows from the bytes and this version's parser alone, so it holds while the process
    lives. Refusals are not kept (a file may have been refused because the machine was slow), nor
    answers longer than ``reply_characters``; the oldest give way.
    """

    def __init__(self, answers: int = 1_000, reply_characters: int = 32 * 1024) -> None:
        self._answers = answers
        self._reply_characters = reply_characters
        self._replies: OrderedDict[str, str] = OrderedDict()

    def answer(self, sha256: str) -> dict[str, Any] | None:
        """A fresh copy of the answer; None when it is not kept."""
        reply = self._replies.get(sha256)
        answer: dict[str, Any] | None = None if reply is None else json.loads(reply)
        return answer

    def keep(self, sha256: str, answer: dict[str, Any]) -> None:
        """Remember ``answer`` if it can be."""
        if answer["ok"]:
            reply = json.dumps(answer)
            if len(reply) <= self._reply_characters:
                self._replies[sha256] = reply
            while len(self._replies) > self._answers:
                self._replies.popitem(last=False)


def take_apart_all(
    files: Sequence[SourceFile], *, wall_seconds: float = WALL_SECONDS, kept: KeptAnswers | None = None
) -> Iterator[dict[str, Any]]:
    """The parser's answer for each file, in order; the files share one child until one of them costs it.

    No child is asked about what is ``kept``.
    """
    with ParserProcess(wall_seconds) as parser:
        for file in files:
            answer = kept.answer(file.sha256) if kept else None
            if answer is None:
                answer = parser.take_apart(file.content)
                if kept:
                    kept.keep(file.sha256, answer)
            yield answer
