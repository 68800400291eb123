"""The secrets of the tests: all bear one mark, which may turn up nowhere that anybody reads or keeps (I26)."""

import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

MARK = "canary-7f3a91c2"
GATEWAY_SECRET = f"{MARK}-signs"
SEAL_KEY = f"{MARK}-seals"
DATABASE_PASSWORD = f"{MARK}-opens"
MAIL_PASSWORD = f"{MARK}-mails"

_MEMBER_BYTES = 8 << 20
"""How much of one packed member is read: the folders hold bombs too."""


_BROKEN_ON_PURPOSE = (
    zipfile.BadZipFile,  # no archive behind the first bytes, or a member that is not what it says
    zlib.error,  # damaged content
    EOFError,  # cut off
    NotImplementedError,  # a packing that zipfile does not know
    RuntimeError,  # behind a password
)
"""What the corpus of hostile files makes of archives. Nothing that we write is like that; any other error is reported."""


def files_holding(text: str, folder: Path) -> list[Path]:
    """Every file under ``folder`` with ``text`` in it, workbooks and archives unpacked."""
    wanted = text.encode()
    return sorted(file for file in _plain_files(folder) if _holds(file, wanted))


def _plain_files(folder: Path | str) -> Iterator[Path]:
    """No link is followed. A database server leaves a hundred thousand files: none is looked up twice."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _plain_files(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    yield Path(entry.path)
    except OSError:  # a folder of a process that is still tidying up
        return


def _holds(file: Path, wanted: bytes) -> bool:
    try:
        return any(wanted in content for content in _contents(file))
    except OSError:  # a file of a process that is still tidying up
        return False


def _contents(file: Path) -> Iterator[bytes]:
    content = file.read_bytes()
    yield content
    if content[:4] == b"PK\x03\x04":
        try:
            with zipfile.ZipFile(file) as archive:
                for member in archive.infolist():
                    with archive.open(member) as packed:
                        yield packed.read(_MEMBER_BYTES)
        except _BROKEN_ON_PURPOSE:
            return  # its bytes as they lie there were looked through above
