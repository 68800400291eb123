"""A random sample that anybody can draw again: by a seed that is stated, from a population that is stated."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """``keys`` of the sample in the order drawn; ``population_digest`` is over all keys that could be drawn.

    The same seed and population give the same sample; a larger one begins with the smaller one.
    """

    seed: str
    keys: tuple[str, ...]
    population: int
    population_digest: str


def draw(population: Iterable[str], *, size: int, seed: str) -> Sample:
    """The ``size`` keys whose SHA-256 of seed, a line feed and key comes first: each is as likely as another."""
    keys = sorted(set(population))
    drawn = sorted(keys, key=lambda key: (_hash(f"{seed}\n{key}"), key))[:size]
    return Sample(seed, tuple(drawn), len(keys), population_digest=_hash("\n".join(keys)))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
