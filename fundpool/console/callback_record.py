"""What becomes of callbacks: counted in the metrics, and those that were refused written to the security log.

A stranger may send any number of them. The log is therefore one of fixed size, and a count keeps no text.
"""

import json
import logging
from datetime import UTC, datetime
from hashlib import sha256
from logging.handlers import RotatingFileHandler
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter

LOG_NAME = "security.log"
LOG_BYTES = 1_048_576
LOGS_KEPT = 3
"""Older logs beside the one in use: the oldest is overwritten."""

RESULTS = ("received", "repeated", "forged", "stale", "malformed", "too_large", "unavailable")
"""What can become of a callback; all but the first two change nothing."""


class CallbackRecord:
    """Counts callbacks by what became of them, and keeps a line about each that was refused."""

    def __init__(self, home: Path, registry: CollectorRegistry) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._results = Counter(
            "fundpool_callbacks", "Callbacks of the bank by result", ["result"], registry=registry
        )
        for result in RESULTS:
            self._results.labels(result)
        # The handler without a logger: nothing that switches logging off silences it.
        self._log = RotatingFileHandler(
            home / LOG_NAME, maxBytes=LOG_BYTES, backupCount=LOGS_KEPT, encoding="utf-8", delay=True
        )

    def count(self, result: str) -> None:
        """Count a callback that was taken, or that may come again."""
        self._results.labels(result).inc()

    def refused(self, result: str, *, source: str, key_id: str, timestamp: str, body: bytes) -> None:
        """Count a callback that was refused and write down who sent it; of its body the digest alone."""
        self.count(result)
        line = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "event": "callback_refused",
            "reason": result,
            "source": source[:64],
            "key_id": key_id[:64],
            "timestamp": timestamp[:32],
            "bytes": len(body),
            "sha256": sha256(body).hexdigest(),
        }
        self._log.handle(logging.makeLogRecord({"msg": json.dumps(line)}))
