"""Files of payment details as they come: what they are, in which encoding, and whether every line is whole.

A file under an address (``s3://…``) is copied first, by fsspec. The bytes decide what a file is, its name does not. A CSV is surveyed once in a stream: encoding (UTF-8,
else GB18030, both strictly), lines, fields, SHA-256. The comparison lets DuckDB read a plain one and holds
what it took against the survey; any other file, and any doubt, goes through ``rewrite``, which reads record
by record, names the line and the error, and writes the four columns anew.
"""

import codecs
import csv
import hashlib
import os
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PosixPath
from typing import TextIO
from urllib.parse import urlsplit, urlunsplit

from fsspec.core import url_to_fs  # type: ignore[import-untyped]

from fundpool.domain.errors import InputError, ServiceUnavailable
from fundpool.services.documents.detail_comparison import DETAIL_COLUMNS, Columns

_CHUNK = 1 << 20
_LINE_CHARACTERS = 1 << 20
_BOM = b"\xef\xbb\xbf"
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"PK", "Excel/zip"),
    (b"\xd0\xcf\x11\xe0", "Excel 97-2003"),
    (b"\x1f\x8b", "gzip"),
    (b"%PDF", "PDF"),
    (b"PARE", "encrypted Parquet"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_SAVE_AS = "另存为 CSV UTF-8（逗号分隔）或 Parquet / save it as CSV UTF-8 (comma delimited) or Parquet"


@dataclass(frozen=True)
class CsvSurvey:
    """What one pass over a CSV's bytes counts. Quotes switch between inside and outside of a field."""

    encoding: str
    sha256: str
    rows: int
    """Records after the header, blank lines at the end apart."""
    commas: int
    """Outside quotes: of all records together."""
    is_even: bool
    """UTF-8 with one kind of line end throughout and no quote left open: DuckDB may read it as it is."""
    has_long_records: bool
    """A quoted field runs over several lines, so a row's number is not its line's."""


FileState = tuple[int, int, int, int]
"""Device, inode, size and time of the last write: another state means that the file was changed."""


def _state_of(path: Path) -> FileState:
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


class _Copy(PosixPath):
    """A copy of a file that lies elsewhere; people know it by its ``address``."""

    address: str


_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def local_file(given: Path | str, target: Path) -> Path:
    """The file at a path, or a copy at ``target`` of the one at an address that fsspec knows.

    Raises InputError for an address that cannot be used or a file that changed meanwhile, ServiceUnavailable
    when its place does not answer.
    """
    if isinstance(given, Path) or not _ADDRESS.match(given):
        return Path(given)
    copy = _Copy(target)
    copy.address = _without_secrets(given)
    with _reading(copy):
        files, path = url_to_fs(given)
        before = files.ukey(path)
        stream = files.open(path, "rb")
    with stream, target.open("wb") as written:
        while True:
            with _reading(copy):
                piece = stream.read(_CHUNK)
            if not piece:
                break
            written.write(piece)
    with _reading(copy):
        files.invalidate_cache()
        after = files.ukey(path)
    if after != before:
        raise _changed(copy)
    return copy


def _without_secrets(address: str) -> str:
    # A name and password before the host, or a signature behind the path.
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@contextmanager
def _reading(copy: _Copy) -> Generator[None, None, None]:
    """Whatever a place of files raises, in words; each has errors of its own."""
    try:
        yield
    except ImportError as error:
        raise InputError(
            "detail_address",
            f"{shown(copy)}：没有安装读取此类地址的组件：{printable(str(error))}",
            f"{shown(copy)}: what reads such an address is not installed: {printable(str(error))}",
            remedy="在运行 fundpool 的环境中安装它，如 pip install s3fs / install it beside fundpool, such as pip install s3fs",
        ) from error
    except (ValueError, FileNotFoundError, IsADirectoryError) as error:
        raise InputError(
            "detail_address",
            f"{shown(copy)}：没有此文件，或不是可用的地址（{type(error).__name__}）",
            f"{shown(copy)}: no such file, or no address that can be used ({type(error).__name__})",
            remedy="写法如 s3://桶/文件.parquet；访问凭据按 fsspec 的配置 / written like s3://bucket/file.parquet; credentials as "
            "fsspec is configured",
        ) from error
    except Exception as error:
        raise ServiceUnavailable(
            "detail_place_away",
            f"{shown(copy)}：存放处没有应答或拒绝访问（{type(error).__name__}）",
            f"{shown(copy)}: its place did not answer or refused ({type(error).__name__})",
            remedy="检查网络、地址与访问凭据后重试 / check network, address and credentials, then run again",
        ) from error


def shown(path: Path) -> str:
    """The file's name for people; bytes that are no UTF-8 are escaped."""
    if isinstance(path, _Copy):
        return printable(path.address, longest=10_000)
    return printable(os.fsencode(path).decode("utf-8", "backslashreplace"), longest=10_000)


def printable(text: str, longest: int = 100) -> str:
    """``text`` on one line for a terminal: control characters escaped, the middle of a long one left out."""
    plain = "".join(
        each if each.isprintable() or each == "\u3000" else each.encode("unicode_escape").decode()
        for each in text
    )
    return plain if len(plain) <= longest else f"{plain[: longest - 20]}…{plain[-19:]}"


def open_file(path: Path) -> FileState:
    """Refuse what is no regular file or cannot be opened. Raises InputError."""
    try:
        if not path.exists():
            problem = "没有此文件 / no such file"
        elif not path.is_file():
            problem = "不是普通文件（是目录或管道） / not a regular file but a folder or a pipe"
        else:
            with path.open("rb") as stream:
                stream.read(1)
            return _state_of(path)
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
    raise InputError(
        "detail_file",
        f"{shown(path)}：无法打开（{problem}）",
        f"{shown(path)}: cannot be opened ({problem})",
        remedy="给出一个 CSV 或 Parquet 文件的路径 / name a CSV or Parquet file",
    )


def require_same(path: Path, before: FileState) -> None:
    """Refuse a file that changed since it was opened. Raises InputError."""
    try:
        same = _state_of(path) == before
    except OSError:
        same = False
    if not same:
        raise _changed(path)


def _changed(path: Path) -> InputError:
    return InputError(
        "detail_file_changed",
        f"{shown(path)}：读取期间文件被改动，结果不可用",
        f"{shown(path)}: the file changed while it was read; there is no result",
        remedy="等写入结束后重新比对 / run again when nothing writes to it any more",
    )


def is_parquet(path: Path) -> bool:
    """Whether the bytes are Parquet. Raises InputError for a truncated one and for other known formats."""
    with path.open("rb") as stream:
        first = stream.read(4)
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 4))
        last = stream.read(4)
    if first == b"PAR1":
        if last != b"PAR1" or size < 12:
            raise damaged(path, "文件不完整，缺少结尾", "it is truncated: the end is missing")
        return True
    for magic, what in _FOREIGN:
        if first.startswith(magic):
            raise InputError(
                "detail_format",
                f"{shown(path)}：是 {what}，应为 CSV 或 Parquet",
                f"{shown(path)}: this is {what}; CSV or Parquet is expected",
                remedy=_SAVE_AS,
            )
    return False


def damaged(path: Path, zh: str, en: str) -> InputError:
    """A Parquet file that cannot be read."""
    return InputError(
        "detail_damaged",
        f"{shown(path)}：Parquet 读不出：{zh}",
        f"{shown(path)}: the Parquet cannot be read: {en}",
        remedy="重新导出或重新传送此文件 / export or transfer the file again",
    )


def sha256_of(path: Path) -> str:
    """Hex digest of the file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def survey_csv(path: Path) -> CsvSurvey:
    """Read all bytes once. Raises InputError for NUL bytes and for text that is neither UTF-8 nor GB18030."""
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8, inside, last = True, 0, b""
    lines = ends = commas = returns = pairs = 0
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            if b"\0" in chunk:
                raise _no_text(path, lines + chunk[: chunk.index(b"\0")].count(b"\n") + 1)
            is_utf8 = is_utf8 and _decodes(decoder, chunk)
            outside = chunk
            if inside or b'"' in chunk:
                parts = chunk.split(b'"')
                outside = b'"'.join(parts[inside::2])
                inside ^= (len(parts) - 1) & 1
            lines += chunk.count(b"\n")
            ends += outside.count(b"\n")
            commas += outside.count(b",")
            returns += chunk.count(b"\r")
            pairs += chunk.count(b"\r\n") + (last == b"\r" and chunk.startswith(b"\n"))
            last = chunk[-1:]
    is_utf8 = is_utf8 and _decodes(decoder, b"", final=True)
    blank = _newlines_at_end(path)
    return CsvSurvey(
        encoding="utf-8" if is_utf8 else "gb18030",
        sha256=digest.hexdigest(),
        rows=ends - blank,
        commas=commas,
        is_even=is_utf8 and not inside and returns in {0, pairs} and (not returns or pairs == lines),
        has_long_records=lines != ends,
    )


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _newlines_at_end(path: Path) -> int:
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - _CHUNK))
        tail = stream.read()
    return tail[len(tail.rstrip(b"\r\n")) :].count(b"\n")


def read_header(path: Path, encoding: str) -> list[str]:
    """The names in the first line. Raises InputError when there is none."""
    with closing(records(path, encoding)) as rows:
        for _, header in rows:
            return [name.strip() for name in header]
    raise InputError(
        "detail_empty",
        f"{shown(path)}：空文件，第 1 行应为列名",
        f"{shown(path)}: the file is empty; line 1 should name the columns",
        remedy="重新导出；没有明细时也要有表头行 / export again; a file without details still has its header line",
    )


def positions(path: Path, header: Sequence[str], columns: Columns) -> tuple[int, ...]:
    """Where each of DETAIL_COLUMNS stands, from 0. Raises InputError naming what is missing or there twice."""
    wanted = [columns[name] for name in DETAIL_COLUMNS]
    found = "、".join(printable(name, 40) for name in header[:30]) or "–"
    missing = "、".join(printable(name) for name in wanted if name not in header)
    if missing:
        raise InputError(
            "detail_columns",
            f"{shown(path)} 第 1 行：缺少列 {missing}；现有 {found}",
            f"{shown(path)} line 1: columns are missing: {missing}; found {found}",
            remedy="用 --columns serial=流水号,county=县区,fund=险种,amount_fen=金额分 对应列名；以逗号分隔 / "
            "name them with --columns (--left-columns, --right-columns); fields are separated by commas",
        )
    twice = [name for name in wanted if header.count(name) > 1]
    if twice:
        raise InputError(
            "detail_columns_twice",
            f"{shown(path)} 第 1 行：列 {printable(twice[0])} 出现 {header.count(twice[0])} 次，应为一次",
            f"{shown(path)} line 1: the column {printable(twice[0])} stands there {header.count(twice[0])} times, expected once",
            remedy="改列名后重新导出 / rename one of them and export again",
        )
    return tuple(header.index(name) for name in wanted)


def records(path: Path, encoding: str) -> Generator[tuple[int, list[str]], None, None]:
    """Each record with the number of its first line. Raises InputError naming the line that is broken.

    Blank lines are taken at the end only: one between records is a lost line or a broken export.
    """
    blank = 0
    with path.open(
        encoding="utf-8-sig" if encoding == "utf-8" else encoding, errors="strict", newline=""
    ) as text:
        reader = csv.reader(_lines(path, text), strict=True)
        while True:
            first = reader.line_num + 1
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as problem:
                raise _broken(
                    path,
                    first,
                    f"引号未闭合或字段写法不对（{problem}）",
                    en=f"a quote left open or a broken field ({problem})",
                ) from None
            except UnicodeDecodeError:
                raise _not_decoded(path, encoding) from None
            if not record:
                blank = blank or first
                continue
            if blank:
                raise _broken(path, blank, "空行，其后还有数据", en="a blank line with data after it")
            if first == 1:
                record[0] = record[0].removeprefix("\ufeff")
            yield first, record


def _lines(path: Path, text: TextIO) -> Iterator[str]:
    # A file without line ends must not be taken into memory whole.
    number = 0
    while line := text.readline(_LINE_CHARACTERS):
        number += 1
        if len(line) == _LINE_CHARACTERS and not line.endswith(("\n", "\r")):
            raise _broken(
                path,
                number,
                f"一行超过 {_LINE_CHARACTERS} 个字符",
                en=f"a line of over {_LINE_CHARACTERS} characters",
            )
        yield line


def rewrite(path: Path, survey: CsvSurvey, places: Sequence[int], *, target: Path) -> int:
    """Write the four columns of every record to ``target`` as plain UTF-8, in order; how many.

    Raises InputError naming the first line that has not as many fields as the header.
    """
    rows = -1
    expected = 0
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for line, record in records(path, survey.encoding):
            rows += 1
            expected = expected or len(record)
            if len(record) != expected:
                raise _broken(
                    path,
                    line,
                    f"有 {len(record)} 个字段，应与表头一致为 {expected} 个",
                    en=f"{len(record)} fields found, {expected} expected as in the header",
                )
            writer.writerow([record[place] for place in places])
    return rows


def line_of(path: Path, survey: CsvSurvey, row: int) -> int:
    """The line in the file at which a row begins; the header is row 1."""
    if survey.is_even and not survey.has_long_records:
        return row
    for number, (line, _) in enumerate(records(path, survey.encoding), start=1):
        if number == row:
            return line
    return row


def _broken(path: Path, line: int, zh: str, *, en: str) -> InputError:
    return InputError(
        "detail_line",
        f"{shown(path)} 第 {line} 行：{zh}",
        f"{shown(path)} line {line}: {en}",
        remedy="从原系统重新导出，勿手工改动；字段内的逗号、引号须加引号 / export again, do not mend by hand; "
        "a field with a comma or quote must be quoted",
    )


def _no_text(path: Path, line: int) -> InputError:
    return InputError(
        "detail_not_text",
        f"{shown(path)} 第 {line} 行：含空字节（NUL），不是文本；应为 CSV 或 Parquet",
        f"{shown(path)} line {line}: there is a NUL byte, which is no text; CSV or Parquet is expected",
        remedy=_SAVE_AS,
    )


def _not_decoded(path: Path, encoding: str) -> InputError:
    """Neither UTF-8 nor GB18030: names the line at which the encoding of the last attempt ends."""
    line = 1
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as stream:
        while (piece := stream.readline(_CHUNK)) and _decodes(decoder, piece):
            line += piece.endswith(b"\n")
    return InputError(
        "detail_encoding",
        f"{shown(path)} 第 {line} 行：既不是 UTF-8 也不是 GB18030 编码",
        f"{shown(path)} line {line}: neither UTF-8 nor GB18030",
        remedy=_SAVE_AS,
    )


def is_plain_path(path: Path) -> bool:
    """Whether DuckDB takes the path for that one file: no wildcard, no quote, nothing that is not UTF-8."""
    return re.fullmatch(r"[\w./ +=@,~-]+", str(path)) is not None
