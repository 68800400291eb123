"""How long the end of a worker waits; apart from the worker, whose module imports Prefect."""

from dataclasses import dataclass, field
from threading import Event


@dataclass(frozen=True, slots=True)
class Patience:
    """Waits for the run under way: for ever, for some seconds, or until hurried."""

    seconds: float | None = None
    hurried: Event = field(default_factory=Event)
