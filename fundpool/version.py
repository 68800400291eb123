"""What this program is: its version and, where it is known, the commit it was built from.

Standard library only: ``setup.py`` runs this file to learn the commit while it builds.
"""

import subprocess
from functools import cache
from pathlib import Path

VERSION = "0.2.0.dev0"

_PACKAGE = Path(__file__).resolve().parent


def product() -> str:
    """Name, version and commit, such as ``fundpool 0.2.0.dev0 (1a2b3c4)``; without the commit if it is unknown."""
    return f"fundpool {VERSION} ({commit()})" if commit() else f"fundpool {VERSION}"


@cache
def commit() -> str | None:
    """Short hash that ``setup.py`` wrote into a wheel or an sdist, else that of the checkout, else None.

    A checkout whose files were edited since says so: ``1a2b3c4-dirty``.
    """
    built = _PACKAGE / "COMMIT"
    if built.is_file():
        return built.read_text(encoding="ascii").strip()
    # In an environment that lies inside another project's checkout git would answer for that project.
    if not (_PACKAGE.parent / ".git").exists():
        return None
    describe = ["git", "-C", str(_PACKAGE.parent), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        answer = subprocess.run(describe, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603 - constant
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
