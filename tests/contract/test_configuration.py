"""One configuration file, read from any folder; the environment goes before it; secrets lie in files of their own."""

import json
import os
from pathlib import Path

import pytest

from fundpool import configuration
from fundpool.adapters.installation import check_installation
from fundpool.console import options
from fundpool.console.cli import main
from fundpool.domain.errors import InputError
from fundpool.settings import Settings, unknown_variables


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "etc").mkdir()
    file = tmp_path / "etc" / "fundpool.toml"
    monkeypatch.setenv("FUNDPOOL_CONFIG", str(file))
    monkeypatch.delenv("FUNDPOOL_SEAL_KEY")
    return file


def secret(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def origins(capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str | None, str]]:
    assert main(["settings", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["settings"]
    return {
        each["variable"].removeprefix("FUNDPOOL_").lower(): (each["value"], each["origin"]) for each in shown
    }


def test_values_come_from_the_file_and_the_environment_goes_before_it(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(
        'dashboard_port = 9000\ngateway_can_close = false\ndashboard_notice = "试运行"\ncities = ["suizhou"]\n'
    )
    monkeypatch.setenv("FUNDPOOL_DASHBOARD_PORT", "9001")
    settings = Settings()
    assert (settings.dashboard_port, settings.gateway_can_close, settings.cities) == (
        9001,
        False,
        ("suizhou",),
    )
    shown = origins(capsys)
    assert shown["dashboard_port"] == ("9001", "FUNDPOOL_DASHBOARD_PORT")
    assert shown["dashboard_notice"] == ("试运行", f"{file}: dashboard_notice")
    assert shown["gateway_kind"] == ("http", "default")


def test_paths_of_the_file_are_beside_it_whatever_folder_a_command_is_started_in(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(
        'home = "../data"\ndrop_folder = "/srv/inbox"\nanchor_to = "anchors.jsonl:/mnt/anchors"\n'
        'database_url = "sqlite:///books.db"\n'
    )
    found = set()
    for folder in (tmp_path, tmp_path / "etc"):
        monkeypatch.chdir(folder)
        settings = Settings()
        found.add((settings.home, settings.resolved_drop_folder, settings.resolved_database_url))
        assert settings.anchor_files == (file.parent / "anchors.jsonl", Path("/mnt/anchors"))
    assert found == {(file.parent / "../data", Path("/srv/inbox"), f"sqlite:///{file.parent}/books.db")}


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ('gateway_kid = "http"', "gateway_kid"),
        ('gateway_kind = "carrier pigeon"', "gateway_kind"),
        ('dashboard_port = "many"', "dashboard_port"),
        ('gateway_lease = "soon"', "gateway_lease"),
        ('home_file = "x"', "home_file"),
        ("[gateway]\nkind = 'http'", "gateway"),
    ],
)
def test_an_unknown_key_and_a_bad_value_are_errors_that_name_file_and_key(
    file: Path, content: str, key: str
) -> None:
    file.write_text(content)
    with pytest.raises(InputError) as refused:
        Settings()
    assert refused.value.code == "bad_settings"
    assert f"{file}: {key}:" in refused.value.en


def test_an_unknown_key_is_told_with_the_one_that_was_meant(file: Path) -> None:
    file.write_text('hoem = "/data"')
    with pytest.raises(InputError, match=r"hoem: .* did you mean home"):
        Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FUNDPOOL_HOME", "data"),
        ("FUNDPOOL_HOME", "."),
        ("FUNDPOOL_CONFIG", "fundpool.toml"),
        ("FUNDPOOL_DATABASE_URL", "sqlite:///fundpool.db"),
        ("FUNDPOOL_GATEWAY_OUTBOX", "outbox"),
        ("FUNDPOOL_ANCHOR_TO", "/mnt/anchors:anchors.jsonl"),
        ("FUNDPOOL_POLICY_DIR", "policies"),
    ],
)
def test_a_relative_path_of_the_environment_is_refused_in_whatever_folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
) -> None:
    """It would mean another set of books in another folder, or another bank's files."""
    (tmp_path / "fundpool.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(name, value)
    for command in (["init"], ["status"], ["settings"], ["policy", "list"]):
        if command[0] == "policy" and name not in {"FUNDPOOL_CONFIG", "FUNDPOOL_POLICY_DIR"}:
            continue  # reads the law alone
        assert main(command) == 2
        said = capsys.readouterr().err
        assert "[bad_settings]" in said
        assert f"{name}: " in said
        assert "绝对路径" in said
    assert [path.name for path in tmp_path.iterdir()] == ["fundpool.toml"]


def test_a_variable_that_sets_nothing_is_told_and_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUNDPOOL_HOME", str(tmp_path / "home"))
    for name in ("FUNDPOOL_HOEM", "FUNDPOOL_GATEWAY_SECRET_FLIE", "FUNDPOOL_ZZZ"):
        monkeypatch.setenv(name, "x")
    assert [each.en for each in unknown_variables()] == [
        "there is no setting FUNDPOOL_GATEWAY_SECRET_FLIE, it does nothing; did you mean FUNDPOOL_GATEWAY_SECRET_FILE?",
        "there is no setting FUNDPOOL_HOEM, it does nothing; did you mean FUNDPOOL_HOME?",
        "there is no setting FUNDPOOL_ZZZ, it does nothing",
    ]
    options._warn_of_unknown_variables.cache_clear()
    for warnings in (3, 0):  # once per process
        main(["init", "--sandbox", "--json"])
        shown = capsys.readouterr()
        assert shown.err.count("它不起作用") == warnings
        assert json.loads(shown.out)
    found = {error.code for error in check_installation(Settings())}
    assert "variable_unknown" in found
    monkeypatch.delenv("FUNDPOOL_HOEM")
    assert main(["settings", "--json"]) == 0
    warned = json.loads(capsys.readouterr().out)["warnings"]
    assert [each for each in warned if "FUNDPOOL_HOEM" in each] == []
    assert len(warned) == 2


@pytest.mark.parametrize("content", [None, "home = ", b"\xff"])
def test_a_file_that_is_named_and_cannot_be_read_is_an_error(file: Path, content: str | bytes | None) -> None:
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as refused:
        Settings()
    assert refused.value.code == "configuration_unreadable"
    assert str(file) in refused.value.zh


def test_the_system_s_file_is_read_unless_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = tmp_path / "fundpool.toml"
    monkeypatch.setattr(configuration, "SYSTEM_FILE", system)
    monkeypatch.delenv("FUNDPOOL_CONFIG")
    assert Settings().dashboard_port == 8650
    system.write_text("dashboard_port = 9000\n")
    assert Settings().dashboard_port == 9000
    monkeypatch.setenv("FUNDPOOL_CONFIG", "")
    assert Settings().dashboard_port == 8650


def test_without_any_setting_the_data_folder_is_one_place_per_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FUNDPOOL_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME")
    assert Settings().home == tmp_path / ".local/share/fundpool"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert Settings().home == tmp_path / "data" / "fundpool"


def test_a_secret_is_taken_from_the_highest_of_the_places_that_may_hold_it_and_never_shown(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    # systemd lets the service's user in by an access list, whose mask stands where the group's rights do.
    secret(credentials / "fundpool.gateway_secret", "of-systemd\n", 0o440)
    steps = [
        (
            lambda: monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials)),
            "of-systemd",
            "credential fundpool.",
        ),
        (
            lambda: file.write_text('gateway_secret_file = "secret"'),
            "of-its-file",
            f"{file}: gateway_secret_file",
        ),
        (lambda: file.write_text('gateway_secret = "of-the-file"'), "of-the-file", f"{file}: gateway_secret"),
        (
            lambda: monkeypatch.setenv("FUNDPOOL_GATEWAY_SECRET_FILE", str(tmp_path / "named")),
            "of-the-named",
            "FUNDPOOL_GATEWAY_SECRET_FILE",
        ),
        (
            lambda: monkeypatch.setenv("FUNDPOOL_GATEWAY_SECRET", "of-env"),
            "of-env",
            "FUNDPOOL_GATEWAY_SECRET",
        ),
    ]
    secret(file.parent / "secret", "of-its-file\n")
    secret(tmp_path / "named", "of-the-named\n")
    file.write_text("")
    for give, expected, origin in steps:
        give()
        given = Settings().gateway_secret
        assert given is not None
        assert given.get_secret_value() == expected
        value, shown = origins(capsys)["gateway_secret"]
        assert value == "********"
        assert shown.startswith(origin)


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_secret_file_that_others_can_read_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    file.write_text("")
    readable = secret(file.parent / "secret", "known-to-others", mode)
    monkeypatch.setenv("FUNDPOOL_SEAL_KEY_FILE", str(readable))
    with pytest.raises(InputError) as refused:
        Settings()
    assert refused.value.code == "secret_file_readable"
    assert f"chmod 600 {readable}" in str(refused.value.remedy)
    assert "known-to-others" not in str(refused.value)


def test_a_credential_that_everybody_can_read_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("")
    secret(file.parent / "fundpool.seal_key", "known-to-all", 0o644)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(file.parent))
    with pytest.raises(InputError, match="can read"):
        Settings()


def test_a_secret_file_that_is_not_there_is_an_error(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("")
    monkeypatch.setenv("FUNDPOOL_SMTP_PASSWORD_FILE", os.devnull + "x")
    with pytest.raises(InputError) as refused:
        Settings()
    assert "FUNDPOOL_SMTP_PASSWORD_FILE" in refused.value.en


def test_the_demo_takes_nothing_from_the_configuration_of_this_machine(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fundpool.console.demo.command import _settings_of_demo  # noqa: PLC0415
    from fundpool.local_prefect.client import environment  # noqa: PLC0415

    file.write_text('database_url = "postgresql://real@localhost/books"\n')
    monkeypatch.setenv(
        "FUNDPOOL_DATABASE_URL_FILE", str(secret(tmp_path / "address", "postgresql://real/books"))
    )
    with environment(_settings_of_demo(tmp_path / "demo", None)):
        assert Settings().resolved_database_url == f"sqlite:///{tmp_path}/demo/fundpool.db"
