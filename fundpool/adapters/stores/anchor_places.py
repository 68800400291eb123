"""Anchors of the trails, kept once a day where whoever writes to the database cannot write: files and mail."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from fundpool.adapters.stores.anchor_mail import AnchorMail
from fundpool.domain.errors import InputError, ServiceUnavailable
from fundpool.settings import Settings


class AnchorFile:
    """A file of JSON lines; a folder holds ``anchors.jsonl``."""

    def __init__(self, place: Path) -> None:
        self._file = place / "anchors.jsonl" if place.is_dir() else place

    def __str__(self) -> str:
        return str(self._file)

    def has(self, day: date) -> bool:
        """Whether the day's anchor is there: the last line is of the day."""
        last = _document(*self._lines()[-1:])
        return isinstance(last, dict) and str(last.get("at"))[:10] == day.isoformat()

    def put(self, anchor: Mapping[str, Any]) -> None:
        """Append the anchor as one line and wait for the disk. Raises OSError."""
        with self._file.open("a", encoding="utf-8") as opened:
            opened.write(json.dumps(anchor, ensure_ascii=False) + "\n")
            opened.flush()
            os.fsync(opened.fileno())

    def documents(self) -> Iterator[Any]:
        """What the lines hold; None for one that is no document."""
        return map(_document, self._lines())

    def _lines(self) -> list[str]:
        try:
            return self._file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []


def _document(line: str = "") -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


class AnchorPlaces:
    """``services.ports.AnchorKeeper`` in files and by mail."""

    def __init__(self, files: Sequence[AnchorFile], mails: Sequence[AnchorMail] = ()) -> None:
        self._files = tuple(files)
        self._places: tuple[AnchorFile | AnchorMail, ...] = (*files, *mails)

    @classmethod
    def of(cls, settings: Settings) -> "AnchorPlaces":
        """The places of an installation; reaches none of them."""
        return cls(
            [AnchorFile(place) for place in settings.anchor_files],
            [AnchorMail(settings, address) for address in settings.anchor_addresses],
        )

    def checkpoints(self) -> list[Mapping[str, Any]]:
        """See ``AnchorKeeper.checkpoints``."""
        return [
            document
            for file in self._files
            for document in file.documents()
            if isinstance(document, dict) and document.get("verified")
        ]

    def lacks(self, day: date) -> bool:
        """See ``AnchorKeeper.lacks``."""
        return not all(place.has(day) for place in self._places)

    def keep(self, anchor: Mapping[str, Any], day: date) -> None:
        """See ``AnchorKeeper.keep``."""
        _put([place for place in self._places if not place.has(day)], anchor)

    def keep_checkpoint(self, anchor: Mapping[str, Any]) -> None:
        """See ``AnchorKeeper.keep_checkpoint``."""
        _put(self._files, anchor)


def _put(places: Sequence[AnchorFile | AnchorMail], anchor: Mapping[str, Any]) -> None:
    failed: list[str] = []
    for place in places:
        try:
            place.put(anchor)
        except (OSError, InputError) as error:
            failed.append(f"{place}: {error}")
    if failed:
        raise ServiceUnavailable(
            "anchor_not_written",
            f"当日锚值未能写入或寄出：{'；'.join(failed)}",
            f"the day's anchor could not be written or mailed: {'; '.join(failed)}",
            remedy="检查 FUNDPOOL_ANCHOR_TO 所指的盘、权限与邮件设置（FUNDPOOL_SMTP_*），下次每日调度会再试；"
            "fundpool audit anchor --out FILE / check the disk, the rights and the mail settings (FUNDPOOL_SMTP_*) "
            "of FUNDPOOL_ANCHOR_TO; the next tick tries again",
        )
