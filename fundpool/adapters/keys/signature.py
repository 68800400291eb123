r"""Signatures on requests to the bank and on its callbacks (docs/gateway.md has the vectors).

The signature is the lower-case hex HMAC-SHA-256, under the shared secret, of
``METHOD "\n" PATH "\n" TIMESTAMP "\n" BODY`` where PATH includes the query string exactly as
sent and TIMESTAMP is the text of ``X-Timestamp`` (Unix seconds).
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from pathlib import Path

from fundpool.domain.errors import InputError
from fundpool.private_files import read_secret
from fundpool.settings import Settings

KEY_ID_HEADER = "X-Key-Id"
TIMESTAMP_HEADER = "X-Timestamp"
SIGNATURE_HEADER = "X-Signature"

WINDOW_S = 300
"""How far a request's timestamp may be from the receiver's clock."""

_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


def signature_of(secret: bytes, *, method: str, path: str, timestamp: str, body: bytes) -> str:
    """The signature, lower-case hex; ``path`` includes the query string."""
    message = f"{method}\n{path}\n{timestamp}\n".encode() + body
    return hmac.new(secret, message, hashlib.sha256).hexdigest()


def signed_headers(
    secret: bytes, key_id: str, *, method: str, path: str, body: bytes, at_unix_s: int
) -> dict[str, str]:
    """The three headers that authenticate a request made at ``at_unix_s``."""
    timestamp = str(at_unix_s)
    signature = signature_of(secret, method=method, path=path, timestamp=timestamp, body=body)
    return {KEY_ID_HEADER: key_id, TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: signature}


def is_authentic(
    secret: bytes,
    key_id: str,
    headers: Mapping[str, str],
    *,
    method: str,
    path: str,
    body: bytes,
    at_unix_s: float,
) -> bool:
    """Whether a request received at ``at_unix_s`` carries our key id, a fresh timestamp and its signature."""
    fault = fault_of(secret, key_id, headers, method=method, path=path, body=body, at_unix_s=at_unix_s)
    return fault is None


def fault_of(
    secret: bytes,
    key_id: str,
    headers: Mapping[str, str],
    *,
    method: str,
    path: str,
    body: bytes,
    at_unix_s: float,
) -> str | None:
    """Why a request is not authentic: ``forged``, or ``stale`` for a right signature of another time; else None.

    ``headers`` is a mapping that knows header names in any case, as web frameworks give it.
    """
    timestamp = headers.get(TIMESTAMP_HEADER) or ""
    if not _TIMESTAMP.fullmatch(timestamp):
        return "forged"
    expected = signature_of(secret, method=method, path=path, timestamp=timestamp, body=body)
    given = headers.get(SIGNATURE_HEADER) or ""
    same_signature = hmac.compare_digest(expected.encode(), given.encode())
    same_key_id = hmac.compare_digest(key_id.encode(), (headers.get(KEY_ID_HEADER) or "").encode())
    if not (same_signature and same_key_id):
        return "forged"
    return "stale" if abs(at_unix_s - int(timestamp)) > WINDOW_S else None


def secret_file(settings: Settings) -> Path:
    """Where the secret lies when it is not given in the environment; the sandbox bank writes it."""
    return settings.home / "gateway.secret"


def shared_secret(settings: Settings) -> bytes:
    """The secret shared with the bank, from the environment or the data folder.

    Raises InputError when there is none, or when other users of the machine can read its file.
    """
    file = secret_file(settings)
    if (secret := read_secret(settings.gateway_secret, file)) is not None:
        return secret
    raise InputError(
        "gateway_secret_missing",
        "没有支付网关的签名密钥",
        "there is no secret to sign requests to the payment gateway with",
        remedy=f"设置 FUNDPOOL_GATEWAY_SECRET 或写入 {file} / set FUNDPOOL_GATEWAY_SECRET or write {file}",
    )
