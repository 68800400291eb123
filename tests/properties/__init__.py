"""Properties held against made-up data; ``FUNDPOOL_EXAMPLES`` sets how much (``make properties``)."""

import os

ASKED = int(os.environ.get("FUNDPOOL_EXAMPLES", "0"))


def examples(at_least: int) -> int:
    """How many examples a property is tried on: the test run's few, or as many as FUNDPOOL_EXAMPLES says."""
    return max(at_least, ASKED)
