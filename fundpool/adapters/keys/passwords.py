"""Passwords by argon2id, at the parameters of RFC 9106 for little memory (64 MiB)."""

from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_AT_ONCE = BoundedSemaphore(2)
"""A crowd of log-ins takes turns: each needs its 64 MiB."""

_hasher = PasswordHasher()


@cache
def _of_nobody() -> str:
    return _hasher.hash("the password of nobody")


class Argon2Passwords:
    """``services.ports.users.Passwords`` by argon2-cffi."""

    def hash(self, password: str) -> str:
        with _AT_ONCE:
            return _hasher.hash(password)

    def verify(self, password_hash: str | None, password: str) -> bool:
        with _AT_ONCE:
            try:
                is_it = _hasher.verify(password_hash or _of_nobody(), password)
            except (VerificationError, InvalidHashError):
                return False
        return is_it and password_hash is not None
