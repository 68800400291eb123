"""What a file is called by people: names as they can be shown, and the names of files that nobody sends."""

import os
from pathlib import Path

from fundpool.adapters.documents.cell_grammar import UNSEEN

_LITTER = frozenset(["thumbs.db", "ehthumbs.db", "desktop.ini", ".ds_store"])
"""What file managers leave in folders."""
_OF_OTHER_PROGRAMS = (".", "~$", "._")
_BEING_WRITTEN = (".part", ".tmp", ".crdownload", ".filepart")


def is_litter(name: str | Path) -> bool:
    """Whether a file of this name is left by a program and sent by nobody, or is still being written."""
    parts = [part for part in str(name).replace("\\", "/").split("/") if part not in {"", ".", ".."}]
    if "__MACOSX" in parts or any(part.startswith(_OF_OTHER_PROGRAMS) for part in parts):
        return True
    last = parts[-1].lower() if parts else ""
    return last in _LITTER or last.endswith(_BEING_WRITTEN)


def shown_name(name: str | Path) -> str:
    """The name as text that can be shown and stored: bytes that are no UTF-8 are read as GB18030, else escaped.

    Control and unseen characters are escaped too, so that two names never look the same.
    """
    raw = os.fsencode(name)
    for encoding in ("utf-8", "gb18030"):
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        text = raw.decode("utf-8", "backslashreplace")
    return "".join(
        character.encode("ascii", "backslashreplace").decode()
        if UNSEEN.match(character) or not (character.isprintable() or character == " ")
        else character
        for character in text
    )
