"""The configuration file and the default data folder. No pydantic: short commands must not wait for it."""

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fundpool.domain.errors import InputError
from fundpool.domain.languages import halves

SYSTEM_FILE = Path("/etc/fundpool/fundpool.toml")
"""Where the file lies unless ``FUNDPOOL_CONFIG`` names another; an empty ``FUNDPOOL_CONFIG`` means none."""

FORMER_FOLDER = Path(".fundpool")
"""The data folder of releases before 0.2, below whatever folder a command was started in."""


def configuration_file() -> Path | None:
    """The file that is read; None when the environment names none and this machine has none.

    A file that ``FUNDPOOL_CONFIG`` names is returned whether it is there or not. Raises InputError for a relative one.
    """
    named = os.environ.get("FUNDPOOL_CONFIG")
    if named is not None:
        return absolute("FUNDPOOL_CONFIG", named) if named else None
    try:
        SYSTEM_FILE.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        pass  # it is there and may not be looked at: reading it says so, and no other set of books is opened
    return SYSTEM_FILE


def read_configuration() -> dict[str, Any]:
    """The keys and values of the file, as they stand there; empty without one. Raises InputError."""
    file = configuration_file()
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(
            "configuration_unreadable",
            f"配置文件 {file} 读不出：{why}",
            f"the configuration file {file} cannot be read: {why}",
            remedy="改正该文件或 FUNDPOOL_CONFIG / correct the file, or FUNDPOOL_CONFIG, which names it",
        ) from error


def configured_path(name: str) -> Path | None:
    """A path of the environment (``home``: ``FUNDPOOL_HOME``), else of the file, as ``Settings`` reads it.

    Raises InputError for a relative path of the environment, and for a file that cannot be read.
    """
    variable = f"FUNDPOOL_{name.upper()}"
    if given := os.environ.get(variable):
        return absolute(variable, given)
    value = read_configuration().get(name)
    return beside_configuration(value) if isinstance(value, str) and value else None


def absolute(variable: str, path: str) -> Path:
    """A path of the environment. Raises InputError for a relative one: in another folder it would be other books."""
    if not Path(path).is_absolute():
        raise unusable_settings([(variable, relative_path(path))])
    return Path(path)


def relative_path(path: object) -> str:
    """What is wrong with a relative path of the environment, in both languages."""
    return (
        f"须为绝对路径，{path} 在别的目录里是另一处 / "
        f"must be an absolute path: {path} is another place in another folder"
    )


def unusable_settings(wrong: Sequence[tuple[str, str]]) -> InputError:
    """The error for settings that cannot be used, each with its origin and, in both languages, what is wrong."""
    zh, en = zip(*((f"{origin}: {half}" for half in halves(what)) for origin, what in wrong), strict=True)
    return InputError(
        "bad_settings",
        f"设置有误：{'；'.join(zh)}",
        f"settings cannot be used: {'; '.join(en)}",
        remedy="fundpool settings --help；改正环境变量或配置文件 / correct the variables or the configuration file",
    )


def beside_configuration(path: str) -> Path:
    """A path of the file: absolute, or relative to the folder that the file lies in."""
    file = configuration_file()
    assert file is not None
    return file.parent / path


def default_home() -> Path:
    """One place per user, whatever folder a command is started in (XDG base directories)."""
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data and Path(data).is_absolute() else Path.home() / ".local/share") / "fundpool"
