"""What a person or another program gets to see of the secrets: nothing (I26)."""

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from fundpool.console.cli import main
from tests.canary import DATABASE_PASSWORD, GATEWAY_SECRET, MAIL_PASSWORD, MARK, files_holding

POSTGRESQL = f"postgresql://fund:{DATABASE_PASSWORD}@127.0.0.1:1/fundpool"

Run = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every secret is set; neither the database nor the bank nor the mail server answers."""
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path))
    monkeypatch.setenv("FUNDPOOL_DATABASE_URL", POSTGRESQL)
    monkeypatch.setenv("FUNDPOOL_GATEWAY_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("FUNDPOOL_GATEWAY_SECRET", GATEWAY_SECRET)
    monkeypatch.setenv("FUNDPOOL_ANCHOR_TO", "mailto:audit@example.cn")
    monkeypatch.setenv("FUNDPOOL_SMTP_URL", "smtps://127.0.0.1:1")
    monkeypatch.setenv("FUNDPOOL_SMTP_FROM", "fund@example.cn")
    monkeypatch.setenv("FUNDPOOL_SMTP_PASSWORD", MAIL_PASSWORD)


def output_of(capsys: Run, *arguments: str, status: int) -> str:
    """All that a command says; reading it already fails where it bears the mark."""
    assert main(arguments) == status
    captured = capsys.readouterr()
    return str(captured.out + captured.err)


@pytest.mark.parametrize("given", [POSTGRESQL, f"{POSTGRESQL}?password={DATABASE_PASSWORD}"])
def test_the_settings_are_shown_without_secrets(
    capsys: Run, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("FUNDPOOL_DATABASE_URL", given)
    shown = {
        each["variable"]: each["value"]
        for each in json.loads(output_of(capsys, "settings", "--json", status=0))["settings"]
    }
    assert shown["FUNDPOOL_DATABASE_URL"] == "postgresql://fund:***@127.0.0.1:1/fundpool"
    assert shown["FUNDPOOL_GATEWAY_SECRET"] == shown["FUNDPOOL_SMTP_PASSWORD"] == "********"
    assert "127.0.0.1:1/fundpool" in output_of(capsys, "settings", status=0)


@pytest.mark.parametrize(
    "arguments",
    [
        ["init"],
        ["status", "--city", "taizhou", "--month", "2026-10"],
        ["run", "disbursement", "--city", "taizhou", "--month", "2026-10"],
        ["restore", "--quarantine-only", "--by", "李复核"],
        ["audit", "verify"],
        ["transfers", "list", "--city", "taizhou", "--json"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_database_that_is_away_is_reported_without_its_password(capsys: Run, arguments: list[str]) -> None:
    assert "database_unavailable" in output_of(capsys, *arguments, status=4)


@pytest.mark.parametrize(
    "given",
    [
        DATABASE_PASSWORD,
        POSTGRESQL.replace("postgresql", "mysql"),
        POSTGRESQL.replace(":1/", ":port/"),
        # The mark would stand behind the @, where the driver looks for the host.
        f"postgresql://fund:pass@{MARK}@127.0.0.1:1/fundpool",
    ],
)
def test_a_wrong_database_address_is_refused_without_being_printed(
    capsys: Run, monkeypatch: pytest.MonkeyPatch, given: str, tmp_path: Path
) -> None:
    monkeypatch.setenv("FUNDPOOL_DATABASE_URL", given)
    printed = output_of(capsys, "status", "--city", "taizhou", "--month", "2026-10", "--json", status=2)
    assert json.loads(printed)["error"]["code"] == "bad_database_url"
    assert list(tmp_path.iterdir()) == [], "a traceback was kept of what has a sentence"


def test_a_process_that_knows_secrets_leaves_no_core_dump() -> None:
    script = (
        "import ctypes, resource; from fundpool.console.cli import main; main(['settings', '--json']); "
        "print(ctypes.CDLL(None).prctl(3), resource.getrlimit(resource.RLIMIT_CORE))"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "0 (0, 0)"


def test_the_search_finds_secrets_in_texts_databases_and_workbooks() -> None:
    with tempfile.TemporaryDirectory() as elsewhere:
        folder = Path(elsewhere)
        (folder / "logs").mkdir()
        (folder / "logs" / "run.log").write_text(f"gateway {GATEWAY_SECRET} failed")
        (folder / "page.bin").write_bytes(b"\0\xff" + DATABASE_PASSWORD.encode() + b"\0")
        with zipfile.ZipFile(folder / "export.xlsx", "w", zipfile.ZIP_DEFLATED) as workbook:
            workbook.writestr("xl/sharedStrings.xml", 2000 * "x" + MARK)
        (folder / "broken.zip").write_bytes(b"PK\x03\x04 and nothing more")
        (folder / "clean.txt").write_text("canary")
        found = [file.name for file in files_holding(MARK, folder)]
    assert found == ["export.xlsx", "run.log", "page.bin"]
