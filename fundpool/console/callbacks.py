"""``POST /callbacks/gateway``: the bank says that a transfer changed, and we query it.

An unauthenticated callback changes nothing. An authenticated one is kept once and makes us query
the bank; what it says of states and amounts is never believed (docs/gateway.md).
"""

import time
from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from fundpool.adapters.keys.signature import is_authentic
from fundpool.domain.errors import FundpoolError
from schemas.payment_messages import TRANSFER_KEY, read_json_object

PATH = "/callbacks/gateway"

BODY_LIMIT = 65_536
"""Bytes of a callback that are read; a real one has a few hundred."""

EVENT_ID_LIMIT = 128

Receive = Callable[[str, str, bytes], object]
"""Keeps and follows up a callback: event id, transfer key, body as received."""


def callback_router(*, secret: Callable[[], bytes], key_id: str, receive: Receive) -> APIRouter:
    """The route for an app. ``secret`` is read per callback, so that a changed one takes effect.

    ``receive`` runs in a thread; when it raises, the bank gets 503 and may call again.
    """
    router = APIRouter()

    @router.post(PATH, include_in_schema=False)
    async def gateway_callback(request: Request) -> JSONResponse:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > BODY_LIMIT:
                return JSONResponse({"error": "too_large"}, status_code=413)
        return await run_in_threadpool(_answer, request, bytes(body), secret, key_id, receive)

    return router


def _answer(
    request: Request, body: bytes, secret: Callable[[], bytes], key_id: str, receive: Receive
) -> JSONResponse:
    query = request.scope["query_string"].decode("latin-1")
    target = request.scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    try:
        authentic = is_authentic(
            secret(), key_id, request.headers, method="POST", path=target, body=body, at_unix_s=time.time()
        )
        if not authentic:
            return JSONResponse({"error": "unauthorised"}, status_code=401)
        if (named := _event_and_key(body)) is None:
            return JSONResponse({"error": "bad_request"}, status_code=400)
        receive(*named, body)
    except FundpoolError:
        return JSONResponse({"error": "unavailable"}, status_code=503)
    return JSONResponse({"received": True})


def _event_and_key(body: bytes) -> tuple[str, str] | None:
    try:
        document = read_json_object(body)
    except ValueError:
        return None
    event_id, key = document.get("event_id"), document.get("key")
    if not isinstance(event_id, str) or not 0 < len(event_id) <= EVENT_ID_LIMIT:
        return None
    return (event_id, key) if isinstance(key, str) and TRANSFER_KEY.fullmatch(key) else None
