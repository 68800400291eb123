"""Where received bytes are kept for good, named by their SHA-256, and the folder they arrive in.

A file is written whole under another name, flushed to the disk and only then given its name, so a
name that exists holds all its bytes whatever moment the machine stopped at.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from fundpool.domain.errors import FundpoolError, InputError, ServiceUnavailable
from fundpool.domain.periods import SHANGHAI
from fundpool.services.ports.failpoints import failpoint
from fundpool.services.ports.files import Incoming
from fundpool.services.ports.judging import SourceFile

MAX_FILE_BYTES = 20 * 1024 * 1024
"""No county's workbook comes near it; what is larger is not read into memory."""

CHECK_HOME = (
    "检查 FUNDPOOL_HOME 的磁盘空间与权限后重试 / check space and rights of FUNDPOOL_HOME, then run again"
)
_BEING_WRITTEN = (".part", ".tmp", ".crdownload", ".filepart")


class RawFiles:
    """Content store: ``folder/ab/abcdef…``; nothing in it is ever changed or deleted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, content: bytes) -> str:
        """Keep the bytes and return their SHA-256; on return they are on the disk.

        Raises ServiceUnavailable when the disk does not take them.
        """
        digest = hashlib.sha256(content).hexdigest()
        target = self._path(digest)
        with storing(target.parent, "原件", "the raw file", remedy=CHECK_HOME):
            if target.exists() and target.stat().st_size == len(content):
                return digest
            target.parent.mkdir(parents=True, exist_ok=True)
            failpoint("before keep")
            write_through(target, content)
            failpoint("after keep")
        return digest

    def read(self, sha256: str) -> bytes:
        """The kept bytes; raises ServiceUnavailable when they are gone or no longer what they were."""
        try:
            content = self._path(sha256).read_bytes()
        except OSError as error:
            raise _damaged(sha256) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise _damaged(sha256)
        return content

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256


class DropFolder:
    """The folder counties' files arrive in: ``folder/<city>/<document>/FILE``.

    Files stay where they are and are recognised by their bytes. Were they moved, a crash between recording and
    moving could lose a file or take it in twice. A half-copied file is read again when it is whole.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def incoming(self, city: str, document: str) -> tuple[Incoming, ...]:
        """Every file now there, in order of name; a file that cannot be read carries its error."""
        folder = self._folder / city / document
        if not folder.is_dir():
            return ()
        return tuple(_incoming(path) for path in sorted(folder.iterdir()) if is_arrived(path))

    def has_files(self, city: str, document: str) -> bool:
        """Whether any file is there."""
        folder = self._folder / city / document
        return folder.is_dir() and any(is_arrived(path) for path in folder.iterdir())


def read_source(path: Path) -> SourceFile:
    """The file at ``path``, for intake; raises InputError when it cannot be read or is too large."""
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise InputError(
                "file_too_large",
                f"{path.name}：{size} 字节，超过上限 {MAX_FILE_BYTES} 字节",
                f"{path.name}: {size} bytes is above the limit of {MAX_FILE_BYTES} bytes",
                remedy="只报送模板表，删去无关的工作表与图片 / send the template only, without other sheets and pictures",
            )
        return SourceFile(path.name, path.read_bytes())
    except OSError as error:
        raise InputError(
            "file_not_readable",
            f"{path.name}：无法打开（{error.strerror}）",
            f"{path.name}: cannot be opened ({error.strerror})",
            remedy="检查文件名与权限 / check the name and its rights",
        ) from error


def _incoming(path: Path) -> Incoming:
    try:
        source = read_source(path)
        # The inode's change time: unlike the modification time no copy brings it along.
        arrived_at = datetime.fromtimestamp(path.stat().st_ctime, SHANGHAI)
        return Incoming(path.name, source, None, arrived_at)
    except FundpoolError as error:
        return Incoming(path.name, None, error)


def is_arrived(path: Path | os.DirEntry[str]) -> bool:
    name = path.name
    return path.is_file() and not name.startswith((".", "~$")) and not name.endswith(_BEING_WRITTEN)


def write_through(target: Path, content: bytes) -> None:
    """Give ``target`` its bytes whole: on return they and the name are on the disk. Raises OSError."""
    write_whole(target, BytesIO(content), is_synced=True)
    # The name itself must survive a power loss too.
    for folder in (target.parent, target.parent.parent):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_whole(target: Path, content: BinaryIO, *, is_synced: bool, mode: int = 0o600) -> None:
    """Write under another name, then rename: whoever opens ``target`` sees all of it or what was there before.

    ``is_synced``: the bytes are on the disk before they have the name. Raises OSError.
    """
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".incoming-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            os.fchmod(handle, mode)
            shutil.copyfileobj(content, stream, 1 << 20)
            if is_synced:
                stream.flush()
                os.fsync(handle)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def storing(
    folder: Path,
    what_zh: str,
    what_en: str,
    *,
    remedy: str = "检查磁盘空间与权限后重试 / check space and rights, then run again",
) -> Iterator[None]:
    """Raises ServiceUnavailable, naming the file in both languages, when the disk does not take it."""
    try:
        yield
    except OSError as error:
        raise ServiceUnavailable(
            "storage_unavailable",
            f"{what_zh}无法存盘：{error.strerror}（{folder}）",
            f"{what_en} cannot be kept: {error.strerror} ({folder})",
            remedy=remedy,
        ) from error


def _damaged(sha256: str) -> ServiceUnavailable:
    return ServiceUnavailable(
        "raw_file_damaged",
        f"存档原件缺失或已损坏：{sha256}",
        f"a kept raw file is missing or damaged: {sha256}",
        remedy="从备份恢复 FUNDPOOL_HOME/files / restore FUNDPOOL_HOME/files from backup",
    )
