"""Anchors of the trails, appended once a day to files that should lie on another machine."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from fundpool.domain.errors import ServiceUnavailable


class AnchorFiles:
    """``services.ports.AnchorKeeper`` in files of JSON lines; a folder holds ``anchors.jsonl``."""

    def __init__(self, places: Sequence[Path]) -> None:
        self._files = tuple(place / "anchors.jsonl" if place.is_dir() else place for place in places)

    def checkpoints(self) -> list[Mapping[str, Any]]:
        """See ``AnchorKeeper.checkpoints``; lines that are no documents are passed over."""
        return [
            document
            for file in self._files
            if file.is_file()
            for document in _documents(file)
            if isinstance(document, dict) and document.get("verified")
        ]

    def lacks(self, day: date) -> bool:
        """See ``AnchorKeeper.lacks``."""
        return any(_last_day(file) != day.isoformat() for file in self._files)

    def keep(self, anchor: Mapping[str, Any], day: date | None) -> None:
        """See ``AnchorKeeper.keep``."""
        failed: list[str] = []
        for file in self._files:
            if day is not None and _last_day(file) == day.isoformat():
                continue
            try:
                append_anchor(file, anchor)
            except OSError as error:
                failed.append(f"{file}: {error}")
        if failed:
            raise ServiceUnavailable(
                "anchor_not_written",
                f"当日锚值未能写入：{'；'.join(failed)}",
                f"the day's anchor could not be written: {'; '.join(failed)}",
                remedy="检查 FUNDPOOL_ANCHOR_TO 所指的盘与权限；fundpool audit anchor --out FILE / "
                "check the disk and the rights of FUNDPOOL_ANCHOR_TO",
            )


def append_anchor(file: Path, anchor: Mapping[str, Any]) -> None:
    """Append the anchor as one line and wait for the disk. Raises OSError."""
    with file.open("a", encoding="utf-8") as opened:
        opened.write(json.dumps(anchor, ensure_ascii=False) + "\n")
        opened.flush()
        os.fsync(opened.fileno())


def _documents(file: Path) -> Iterator[Any]:
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(ValueError):
            yield json.loads(line)


def _last_day(file: Path) -> str | None:
    """The day of the last line; None where there is none, or what stands there is no anchor."""
    try:
        *_, last = file.read_text(encoding="utf-8").splitlines() or [""]
        return str(json.loads(last)["at"])[:10]
    except (OSError, ValueError, KeyError, TypeError):
        return None
