"""The front door: wrong use is an error a person or a program can read, never a traceback."""

import copy
import json
from pathlib import Path

import pytest

from fundpool.console import cli
from fundpool.console.cli import main
from fundpool.domain.errors import UndefinedPolicy


def test_an_unknown_command_exits_2_with_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no-such-command", "--json"]) == 2
    out, _ = capsys.readouterr()
    error = json.loads(out)["error"]
    assert error["code"] == "usage"
    assert error["remedy"]


def test_without_json_the_error_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no-such-command"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "no-such-command" in err
    assert "Traceback" not in err


def test_an_error_crosses_a_process_border_with_its_fields() -> None:
    error = UndefinedPolicy("x", "没有规定", "not provided", basis="第十条", remedy="问")
    twin = copy.deepcopy(error)  # rebuilt the way a pickle is
    assert (twin.code, twin.zh, twin.en, twin.basis, twin.remedy) == (
        "x",
        "没有规定",
        "not provided",
        "第十条",
        "问",
    )
    assert twin.exit_status == 3


def test_an_error_nobody_foresaw_is_one_sentence_and_its_traceback_is_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path))
    monkeypatch.setattr(cli, "build_app", lambda: 1 // 0)
    assert main(["status", "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["code"] == "unexpected"
    assert "Traceback" not in out + err
    assert "ZeroDivisionError" in (tmp_path / "errors.log").read_text()
