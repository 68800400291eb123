"""Files that only their owner may read: secrets and keys."""

from pathlib import Path

from pydantic import SecretStr

from fundpool.domain.errors import InputError

_OF_OTHERS = 0o077
"""What a file's mode allows to anybody but its owner."""


def read_secret(given: SecretStr | None, file: Path) -> bytes | None:
    """A secret of the settings, or of its file where the settings give none; None when neither has it."""
    if given is not None and given.get_secret_value():
        return given.get_secret_value().encode()
    return read_private(file)


def read_private(file: Path, *, forbidden: int = _OF_OTHERS) -> bytes | None:
    """The content of the file without white space at its ends; None when it is missing or empty.

    Raises InputError when other users of the machine can read it: its content counts as known to them.
    ``forbidden`` are the bits of its mode that say so.
    """
    if not file.is_file():
        return None
    if file.stat().st_mode & forbidden:
        raise InputError(
            "secret_file_readable",
            f"其他用户可读密钥文件 {file}，视同泄露",
            f"other users can read the secret in {file}: it counts as known to them",
            remedy=f"chmod 600 {file}；并更换密钥 / and replace it",
        )
    return file.read_bytes().strip() or None
