"""Files of details under an address: read through fsspec, and what goes wrong there is told in words."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from fundpool.adapters.details.detail_comparison import compare
from fundpool.console.cli import main
from fundpool.domain.errors import InputError, ServiceUnavailable
from fundpool.services.documents.detail_comparison import COUNTS, DETAIL_COLUMNS

COLUMNS = {name: name for name in DETAIL_COLUMNS}
LEFT = b"serial,county,fund,amount_fen\n1,331002,employee,100\n2,331002,employee,5\n"
RIGHT = b"serial,county,fund,amount_fen\n2,331002,employee,5\n1,331002,employee,101\n"


@pytest.fixture
def bucket() -> Iterator[MemoryFileSystem]:
    files: MemoryFileSystem = fsspec.filesystem("memory")
    files.pipe({"/details/left.csv": LEFT, "/details/right.csv": RIGHT})
    yield files
    files.rm("/details", recursive=True)


def refused(address: str, kind: type[InputError | ServiceUnavailable]) -> tuple[str, str]:
    with pytest.raises(kind) as error, compare((address, COLUMNS), (address, COLUMNS)):
        pass
    return error.value.code, str(error.value)


def test_files_of_a_bucket_compare_as_files_of_the_disk_do(bucket: MemoryFileSystem, tmp_path: Path) -> None:
    for name in ("left", "right"):
        (tmp_path / f"{name}.csv").write_bytes(bucket.cat(f"/details/{name}.csv"))
    addresses = ("memory://details/left.csv", "memory://details/right.csv")
    paths = (tmp_path / "left.csv", tmp_path / "right.csv")
    found: list[dict[str, Any]] = []
    for left, right in (addresses, paths):
        with compare((left, COLUMNS), (right, COLUMNS)) as comparer:
            found.append(comparer.comparison.to_json())
            rows = list(comparer.differences(comparer.list_differences(), 10))
            assert [(row[0], row[1], row[2], row[6]) for row in rows] == [("amount_mismatch", "1", 2, 3)]
    assert [found[0][side].pop("file") for side in ("left", "right")] == list(addresses)
    assert [found[1][side].pop("file") for side in ("left", "right")] == [str(path) for path in paths]
    assert found[0] == found[1]
    assert {name for name in COUNTS if found[0][name]} > {"matched", "amount_mismatch"}


def test_a_bad_line_is_named_by_the_files_address(bucket: MemoryFileSystem) -> None:
    bucket.pipe("/details/bad.csv", LEFT + b"3,331002,employee,1.5\n")
    code, words = refused("memory://details/bad.csv", InputError)
    assert code == "detail_value"
    assert "memory://details/bad.csv 第 4 行" in words


def test_a_path_after_file_is_an_address_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "left.csv").write_bytes(LEFT)
    (tmp_path / "right.csv").write_bytes(RIGHT)
    status = main(["reconcile", f"file://{tmp_path}/left.csv", "right.csv", "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert (status, answer["matched"], answer["amount_mismatch"]) == (1, 1, 1)
    assert answer["left"]["file"] == f"file://{tmp_path}/left.csv"


@pytest.mark.parametrize(
    "address",
    ["memory://details/none.csv", "pigeon://coop/left.csv", "memory://details", "s3://bucket/left.csv"],
)
def test_what_cannot_be_had_is_refused(bucket: MemoryFileSystem, address: str) -> None:
    """Among them a kind of address whose package is not installed here."""
    code, words = refused(address, InputError)
    assert code == "detail_address"
    assert address in words


def test_a_place_that_does_not_answer_is_away_and_no_secret_is_told(
    bucket: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise ConnectionError("https://me:hunter2@bucket/left.csv timed out")

    monkeypatch.setattr(MemoryFileSystem, "ukey", away)
    code, words = refused("memory://me:hunter2@details/left.csv?Signature=abc", ServiceUnavailable)
    assert code == "detail_place_away"
    assert "hunter2" not in words
    assert "Signature" not in words


def test_a_file_that_changes_while_it_is_read_is_no_result(
    bucket: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = MemoryFileSystem._open

    def opened_and_changed(self: MemoryFileSystem, path: str, *more: Any, **named: Any) -> Any:
        stream = opened(self, path, *more, **named)
        if named.get("mode", "rb") == "rb" and path.endswith("left.csv"):
            stream.seek(0, 2)
            stream.write(b"9,331002,employee,9\n")
            stream.seek(0)
        return stream

    monkeypatch.setattr(MemoryFileSystem, "_open", opened_and_changed)
    assert refused("memory://details/left.csv", InputError)[0] == "detail_file_changed"
