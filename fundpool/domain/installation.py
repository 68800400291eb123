"""What an installation is: real or a sandbox, and which cities run in it."""

from dataclasses import dataclass
from datetime import datetime

SANDBOX_NOTICE = "沙盒，非真实业务 / SANDBOX: no real money and no real month"
"""What every page and paper of a sandbox says."""


@dataclass(frozen=True, slots=True)
class Installation:
    """The one record of what was chosen at ``fundpool init``."""

    is_sandbox: bool
    """Whether people may name the business time; decided once, before anything is recorded."""
    cities: str
    """Keys of the cities that run here, separated by commas; empty for every city in force."""
    decided_at: datetime
    seal: str | None = None
    id: int = 1

    @property
    def city_keys(self) -> tuple[str, ...]:
        """The cities that run here; empty for every city in force."""
        return tuple(key for key in self.cities.split(",") if key)
