"""What the use cases need from the outside world, as Protocols; bootstrap.py supplies them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")


class Work(Protocol):
    """One database transaction, seen as its stores."""


class Transactions(Protocol):
    """Whole transactions; a function handed in makes no outside call, it may run more than once."""

    def transaction(self, work: Callable[[Work], T]) -> T:
        """Run and commit; rerun whole when the database aborts it for concurrency."""

    def read(self, work: Callable[[Work], T]) -> T:
        """Run against one consistent snapshot."""


@dataclass(frozen=True)
class Ports:
    """Everything a use case reaches outside the rules with."""

    database: Transactions
