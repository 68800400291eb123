"""The folder that counties' files arrive in, and files that are written whole.

Such a file is written under another name, flushed to the disk and only then given its name, so a
name that exists holds all its bytes whatever moment the machine stopped at.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from fundpool.adapters.documents.file_names import is_litter, shown_name
from fundpool.adapters.documents.parser_process import NAME_CHARACTERS, with_members
from fundpool.domain.errors import FundpoolError, InputError, ServiceUnavailable
from fundpool.domain.periods import SHANGHAI
from fundpool.services.ports.files import Incoming
from fundpool.services.ports.judging import SourceFile

MAX_FILE_BYTES = 20 * 1024 * 1024
"""No county's workbook comes near it; what is larger is not read into memory."""

CHECK_HOME = (
    "检查 FUNDPOOL_HOME 的磁盘空间与权限后重试 / check space and rights of FUNDPOOL_HOME, then run again"
)


class EarlierRawFiles:
    """What releases before 0.2 kept: ``folder/ab/abcdef…``, named by its SHA-256."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, sha256: str) -> bytes | None:
        """The bytes of the file; None when there is none that can be read."""
        try:
            return (self._folder / sha256[:2] / sha256).read_bytes()
        except OSError:
            return None


class DropFolder:
    """The folder counties' files arrive in: ``folder/<city>/<document>/FILE``, also in folders below and in zips.

    Files stay where they are and are recognised by their bytes. Were they moved, a crash between recording and
    moving could lose a file or take it in twice. A half-copied file is read again when it is whole.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def incoming(self, city: str, document: str) -> tuple[Incoming, ...]:
        """Every file now there, in order of name; a file that cannot be read carries its error."""
        folder = self._folder / city / document
        closed: list[OSError] = []
        files = sorted(_files_in(folder, closed.append))
        closed = [error for error in closed if not isinstance(error, FileNotFoundError)]  # nobody filed yet
        return tuple(
            incoming for path in files for incoming in _incoming(path, shown_name(path.relative_to(folder)))
        ) + tuple(_closed_folder(folder, error) for error in closed)

    def has_files(self, city: str, document: str) -> bool:
        """Whether any file is there."""
        return any(True for _ in _files_in(self._folder / city / document))


def _files_in(folder: Path, unread: Callable[[OSError], None] | None = None) -> Iterator[Path]:
    """What people put into the folder and the folders below it; not what programs leave there.

    ``unread`` is called for a folder that cannot be opened.
    """
    for root, _, names in os.walk(folder, onerror=unread):
        paths = (Path(root, name) for name in names)
        yield from (path for path in paths if path.is_file() and not is_litter(path.relative_to(folder)))


def _closed_folder(folder: Path, error: OSError) -> Incoming:
    name = shown_name(Path(error.filename).relative_to(folder)) if error.filename else folder.name
    return Incoming(name, None, _not_readable(name, error))


def read_source(path: Path, name: str | None = None) -> SourceFile:
    """The file at ``path``, for intake; raises InputError when it cannot be read or is too large.

    ``name`` is what to call it, by default its own.
    """
    name = name or shown_name(path.name)
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            return source_from(stream, name, size)
    except OSError as error:
        raise _not_readable(name, error) from error


def source_from(stream: BinaryIO, name: str, size: int) -> SourceFile:
    """The file of ``size`` bytes that ``stream`` gives, for intake; raises InputError when it is too large."""
    name = name[-NAME_CHARACTERS:]
    if size > MAX_FILE_BYTES:
        raise InputError(
            "file_too_large",
            f"{name}：{size} 字节，超过上限 {MAX_FILE_BYTES} 字节",
            f"{name}: {size} bytes is above the limit of {MAX_FILE_BYTES} bytes",
            remedy="只报送模板表，删去无关的工作表与图片 / send the template only, without other sheets and pictures",
        )
    return SourceFile(name, stream.read())


def _not_readable(name: str, error: OSError) -> InputError:
    return InputError(
        "file_not_readable",
        f"{name}：无法打开（{error.strerror}）",
        f"{name}: cannot be opened ({error.strerror})",
        remedy="检查文件名与权限 / check the name and its rights",
    )


def _incoming(path: Path, name: str) -> list[Incoming]:
    """The file, or the files in it when it is a zip of files."""
    try:
        sources = with_members([read_source(path, name)])
        # The inode's change time: unlike the modification time no copy brings it along and no sender sets it, and
        # the receipt decides who is late (docs/decisions/0023).
        arrived_at = datetime.fromtimestamp(path.stat().st_ctime, SHANGHAI)
    except FundpoolError as error:
        return [Incoming(name, None, error)]
    return [Incoming(source.name, source, None, arrived_at=arrived_at) for source in sources]


def is_arrived(path: Path | os.DirEntry[str]) -> bool:
    """Whether this is a file that somebody put there, whole."""
    return path.is_file() and not is_litter(path.name)


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
