"""The restore drill starts, and notices what did not come back; ``make drill`` plays it on PostgreSQL too."""

import os
from unittest.mock import patch

import pytest

from tests import drill


@pytest.fixture(autouse=True)
def _environment_as_before():
    with patch.dict(os.environ):
        yield


def test_what_is_copied_lost_and_put_back_is_what_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    assert drill.drill(drill.on_sqlite) == 0
    said = capsys.readouterr().out
    assert said.count(" s\n") == 5
    assert said.endswith("all is as it was\n")


def test_books_that_are_not_put_back_are_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    does = drill.is_done
    monkeypatch.setattr(drill, "is_done", lambda *command: command[0] == "restore" or does(*command))
    monkeypatch.setattr(drill, "play", lambda _database, _home: "the month's digest")
    assert drill.drill(drill.on_sqlite) == 1
    assert capsys.readouterr().out.endswith("IT IS NOT AS IT WAS\n")
