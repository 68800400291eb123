"""The parsing child: limits that hold, and a death that costs one file only."""

import json
import sys
from pathlib import Path

import pytest

from fundpool.adapters.documents import parser_process, parsing
from fundpool.adapters.documents.document_reader import read_documents
from fundpool.adapters.documents.parser_process import ParserProcess, take_apart_all
from fundpool.services.ports.judging import SourceFile
from tests.golden import sample_documents as sample

GOOD = SourceFile("good", sample.file_bytes("plan", sample.plan_rows()))


def misbehaving(monkeypatch: pytest.MonkeyPatch, folder: Path, when: str, what: str) -> None:
    """The parser's own script, except that a file beginning with ``when`` makes it do ``what``."""
    script = Path(parsing.__file__).read_text(encoding="utf-8")
    changed = script.replace(
        "    for magic, what in _MAGIC:\n",
        f"    if content.startswith({when.encode()!r}):\n        {what}\n    for magic, what in _MAGIC:\n",
        1,
    )
    assert changed != script
    copy = folder / "parsing_copy.py"
    copy.write_text(changed, encoding="utf-8")
    monkeypatch.setattr(parser_process, "SCRIPT", copy)


def reasons(contents: list[bytes], wall_seconds: float = 30.0) -> list[str | None]:
    files = [SourceFile(str(number), content) for number, content in enumerate(contents)]
    return [answer.get("reason") for answer in take_apart_all(files, wall_seconds=wall_seconds)]


def test_a_child_that_dies_fails_only_its_own_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    misbehaving(monkeypatch, tmp_path, "die", "import os; os.kill(os.getpid(), 9)")
    assert reasons([GOOD.content, b"die", GOOD.content, b"die", b"die", GOOD.content]) == [
        None, "killed", None, "killed", "killed", None,
    ]  # fmt: skip


def test_a_child_that_hangs_is_killed_by_the_wall_clock(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    misbehaving(monkeypatch, tmp_path, "sleep", "import time; time.sleep(60)")
    assert reasons([GOOD.content, b"sleep", GOOD.content], wall_seconds=5.0) == [None, "timed_out", None]


def test_a_child_that_computes_for_ever_is_killed_by_its_own_limit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    misbehaving(monkeypatch, tmp_path, "spin", "CPU = [0]\n        while True: pass")
    copy = parser_process.SCRIPT
    copy.write_text(
        copy.read_text(encoding="utf-8").replace("CPU_SECONDS = 20", "CPU_SECONDS = 1"), encoding="utf-8"
    )
    assert reasons([b"spin", GOOD.content]) == ["killed", None]


def test_a_child_that_eats_memory_answers_and_is_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    misbehaving(monkeypatch, tmp_path, "eat", "bytearray(1 << 30)")
    assert reasons([b"eat", GOOD.content]) == ["out_of_memory", None]


def test_a_file_above_the_size_limit_never_reaches_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser_process, "FILE_BYTES", 100)
    assert reasons([b"x" * 101]) == ["too_large"]


def test_every_reason_is_a_finding_for_the_county(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    misbehaving(monkeypatch, tmp_path, "die", "import os; os.kill(os.getpid(), 9)")
    read = read_documents([SourceFile("dead", b"die"), GOOD], "plan", sample.REGISTER, month=sample.MONTH)
    assert [finding.rule for finding in read[0].findings] == ["FILE-005"]
    assert read[1].findings == ()


def test_one_child_reads_many_files() -> None:
    with ParserProcess() as parser:
        parser.take_apart(GOOD.content)
        first = parser._child
        parser.take_apart(b"%PDF-1.4")
        assert parser._child is first


def test_the_child_has_neither_our_packages_nor_our_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FUNDPOOL_GATEWAY_SECRET", "canary")
    tell = "import os, sys; raise Refused('empty', repr((sorted(os.environ), [p for p in sys.path if 'site-packages' in p])))"
    misbehaving(monkeypatch, tmp_path, "tell", tell)
    (answer,) = take_apart_all([SourceFile("x", b"tell")])
    assert "FUNDPOOL" not in json.dumps(answer)
    assert answer["found"].endswith("[])")
    assert sys.executable
