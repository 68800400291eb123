"""What keeps an installation from working: an error nobody has run into yet, and whether it mends itself."""

from collections.abc import Callable
from dataclasses import dataclass

from fundpool.domain.errors import FundpoolError


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is stuck, away, outdated or wrongly set up; ``mend`` puts it right where that is safe."""

    error: FundpoolError
    mend: Callable[[], object] | None = None
