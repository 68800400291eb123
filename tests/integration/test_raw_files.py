"""Received bytes: kept with their receipt, checked when they are read; the folder they arrive in."""

import hashlib
import os
import zipfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from fundpool.adapters.documents.raw_files import DropFolder
from fundpool.adapters.documents.record_files import read_budget, read_openings
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.bootstrap import build_ports
from fundpool.domain.errors import InputError, ServiceUnavailable
from fundpool.domain.periods import SHANGHAI
from fundpool.services.documents.raw_content import raw_content
from fundpool.services.ports.work import MonthPorts, Work
from fundpool.settings import Settings
from schemas.tables import raw_files
from tests.integration.month_scene import at
from tests.seals import SEALS

AT = at("2026-09-20 10:00")
DIGEST = hashlib.sha256(b"content").hexdigest()


def ports_of(database: Database, folder: Path) -> MonthPorts:
    ports = build_ports(Settings(home=folder))
    return replace(ports, database=SqlTransactions(database, SEALS))


def test_bytes_are_kept_with_their_receipt_or_not_at_all(database: Database, tmp_path: Path) -> None:
    ports = ports_of(database, tmp_path)

    def fails(work: Work) -> None:
        work.submissions.add_raw_file(DIGEST, b"content", AT)
        raise KeyError

    with pytest.raises(KeyError):
        ports.database.transaction(fails)
    assert ports.database.read(lambda work: work.submissions.raw_content(DIGEST)) is None
    for _ in range(2):  # the same bytes again change nothing
        ports.database.transaction(lambda work: work.submissions.add_raw_file(DIGEST, b"content", AT))
    assert ports.database.read(lambda work: raw_content(ports, work, DIGEST)) == b"content"


def test_a_file_that_an_earlier_release_kept_is_still_read(database: Database, tmp_path: Path) -> None:
    ports = ports_of(database, tmp_path)
    file = tmp_path / "files" / DIGEST[:2] / DIGEST
    file.parent.mkdir(parents=True)
    file.write_bytes(b"content")
    database.transaction(
        lambda connection: connection.execute(
            insert(raw_files).values(sha256=DIGEST, size_bytes=7, stored_at=AT)
        )
    )
    assert ports.database.read(lambda work: raw_content(ports, work, DIGEST)) == b"content"
    file.write_bytes(b"contenT")
    with pytest.raises(ServiceUnavailable, match=DIGEST) as refused:
        ports.database.read(lambda work: raw_content(ports, work, DIGEST))
    assert refused.value.code == "raw_file_damaged"


@pytest.mark.parametrize("content", [b"contenT", None])
def test_bytes_that_changed_or_are_gone_are_not_handed_out(
    database: Database, tmp_path: Path, content: bytes | None
) -> None:
    ports = ports_of(database, tmp_path)
    ports.database.transaction(lambda work: work.submissions.add_raw_file(DIGEST, b"content", AT))
    database.transaction(lambda connection: connection.execute(update(raw_files).values(content=content)))
    with pytest.raises(ServiceUnavailable) as refused:
        ports.database.read(lambda work: raw_content(ports, work, DIGEST))
    assert refused.value.code == "raw_file_damaged"


def test_the_drop_folder_shows_arrived_files_only_and_leaves_them_there(tmp_path: Path) -> None:
    folder = tmp_path / "taizhou" / "plan"
    folder.mkdir(parents=True)
    litter = (
        "~$b.xlsx",
        ".hidden",
        "c.xlsx.part",
        "Thumbs.db",
        "desktop.ini",
        ".DS_Store",
        "__MACOSX/._a.csv",
    )
    for name in ("b.xlsx", "a.csv", *litter):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    (folder / "older").mkdir()
    drop = DropFolder(tmp_path)
    assert [file.name for file in drop.incoming("taizhou", "plan")] == ["a.csv", "b.xlsx"]
    assert [file.name for file in drop.incoming("taizhou", "plan")] == ["a.csv", "b.xlsx"]
    assert drop.incoming("taizhou", "report") == ()


def test_folders_below_and_zips_are_taken_in_and_no_name_stops_them(tmp_path: Path) -> None:
    folder = tmp_path / "taizhou" / "plan"
    (folder / "椒江").mkdir(parents=True)
    (folder / "椒江" / "计划.csv").write_bytes(b"x")
    gbk = "黄岩.csv".encode("gb18030")
    (Path(os.fsdecode(os.fsencode(folder) + b"/" + gbk))).write_bytes(b"y")
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff\x80\xff.csv"))).write_bytes(b"z")
    (folder / "[a]\u200b.csv").write_bytes(b"u")
    with zipfile.ZipFile(folder / "全市.zip", "w") as archive:
        archive.writestr("仙居.csv", b"v")
        archive.writestr("Thumbs.db", b"w")
        old = zipfile.ZipInfo("old.csv")
        archive.writestr(old, b"w")
    spoiled = (folder / "全市.zip").read_bytes().replace(b"old.csv", "台a.csv".encode("gb18030"))
    (folder / "全市.zip").write_bytes(spoiled)
    arrived = {file.name: file.source for file in DropFolder(tmp_path).incoming("taizhou", "plan")}
    assert None not in arrived.values()
    assert set(arrived) == {
        "椒江/计划.csv",
        "黄岩.csv",
        "\\xff\\x80\\xff.csv",
        "[a]\\u200b.csv",
        "全市.zip/仙居.csv",
        "全市.zip/台a.csv",
    }


def test_a_folder_that_may_not_be_opened_is_named_and_the_others_are_taken_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = tmp_path / "taizhou" / "plan"
    (inbox / "三门").mkdir(parents=True)
    (inbox / "天台").mkdir()
    for county in ("三门", "天台"):
        (inbox / county / "计划.csv").write_bytes(b"x")
    scandir = os.scandir

    def closed(path: str) -> object:
        if str(path).endswith("三门"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    taken, refused = DropFolder(tmp_path).incoming("taizhou", "plan")
    assert (taken.name, taken.error) == ("天台/计划.csv", None)
    assert refused.name == "三门"
    assert refused.error is not None
    assert refused.error.code == "file_not_readable"
    assert DropFolder(tmp_path).incoming("taizhou", "report") == ()


def test_a_file_far_too_large_is_named_and_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "taizhou" / "plan"
    folder.mkdir(parents=True)
    with (folder / "huge.xlsx").open("wb") as stream:
        stream.truncate(10**9)
    incoming = DropFolder(tmp_path).incoming("taizhou", "plan")[0]
    assert incoming.source is None
    assert incoming.error is not None
    assert incoming.error.code == "file_too_large"


def test_budget_and_opening_files_name_the_line_that_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "budget.csv"
    file.write_text("county,fund,amount_yuan\n331002,employee,1200.50\n", encoding="utf-8-sig")
    assert read_budget(file).rows == {("331002", "employee"): 1_200_50}
    file.write_text("county,fund,amount_yuan\n331002,employee,1e3\n", encoding="utf-8")
    with pytest.raises(InputError, match="第 2 行"):
        read_budget(file)
    file.write_text("county,fund\n", encoding="utf-8")
    with pytest.raises(InputError, match="amount_yuan"):
        read_budget(file)
    file.write_text(
        "account_type,unit,fund,balance_yuan,spending_yuan\ncounty_expenditure,331002,employee,-3.00,\n",
        encoding="utf-8",
    )
    row = read_openings(file).rows[0]
    assert (row.balance_fen, row.spending_fen, row.year_paid_fen) == (-3_00, None, None)


def test_a_file_that_was_dated_back_arrived_when_this_machine_took_it_in(tmp_path: Path) -> None:
    file = tmp_path / "taizhou" / "plan" / "plan.xlsx"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"content")
    long_ago = at("2020-01-01 09:00").timestamp()
    os.utime(file, (long_ago, long_ago))
    (incoming,) = DropFolder(tmp_path).incoming("taizhou", "plan")
    assert incoming.arrived_at == datetime.fromtimestamp(file.stat().st_ctime, SHANGHAI)
    assert incoming.arrived_at.year > 2020
