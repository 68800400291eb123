"""The key that seals what people decided: a file beside the gateway's secret, or the environment's."""

import os
import secrets
from functools import partial
from pathlib import Path

from fundpool.domain.errors import InputError
from fundpool.domain.sealing import Seals
from fundpool.private_files import read_secret
from fundpool.settings import Settings


def seals_of(settings: Settings) -> Seals:
    """The seals of an installation; its key is read when the first seal is made or checked."""
    return Seals(partial(seal_key, settings))


def seal_key(settings: Settings) -> bytes:
    """The key, from ``FUNDPOOL_SEAL_KEY`` or ``HOME/seal.key``.

    Raises InputError when there is none, or when other users of the machine can read its file.
    """
    file = key_file(settings)
    if (key := read_secret(settings.seal_key, file)) is not None:
        return key
    raise InputError(
        "seal_key_missing",
        f"没有封签密钥 {file}，无法核对经批准的账户、批次和预算",
        f"there is no seal key {file}: approved accounts, batches and budgets cannot be checked",
        remedy="新装运行 fundpool init；已有数据的，放回原密钥（与数据库分开备份） / a new installation: fundpool init; "
        "one with data: put its own key back, which is kept apart from the database's backups",
    )


def key_file(settings: Settings) -> Path:
    """Where the key lies when it is not given in the environment."""
    return settings.home / "seal.key"


def make_seal_key(settings: Settings) -> bool:
    """Write a new key for its owner alone unless there is one; whether it was written."""
    file = key_file(settings)
    if settings.seal_key is not None or file.exists():
        return False
    partial_file = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(partial_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as written:
            written.write(secrets.token_hex(32) + "\n")
            written.flush()
            os.fsync(written.fileno())
        # A link, so that of two that begin at once one wins and no key is ever replaced.
        os.link(partial_file, file)
    except FileExistsError:
        return False
    finally:
        partial_file.unlink(missing_ok=True)
    return True
