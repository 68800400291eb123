"""Named points where a test may stop the program: around every commit and every outside call.

Off, a failpoint costs one comparison. A test installs a hook that counts, raises or kills.
"""

from collections.abc import Callable

_hook: Callable[[str], None] | None = None


def failpoint(name: str) -> None:
    """Tell the installed hook, if any, that the program has reached ``name``."""
    if _hook is not None:
        _hook(name)


def install(hook: Callable[[str], None] | None) -> None:
    """Install ``hook`` for the whole process; ``None`` takes it away."""
    global _hook  # noqa: PLW0603 - one process, one hook
    _hook = hook
