"""``POST /callbacks/gateway``: the bank says that a transfer changed, and we query it.

An unauthenticated callback changes nothing. An authenticated one is kept once and makes us query
the bank; what it says of states and amounts is never believed (docs/gateway.md). Every one is counted, and
one that is refused leaves a line in the security log.
"""

import time
from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from fundpool.adapters.keys.signature import KEY_ID_HEADER, TIMESTAMP_HEADER, fault_of
from fundpool.console.callback_record import CallbackRecord
from fundpool.domain.errors import FundpoolError
from schemas.payment_messages import TRANSFER_KEY, read_json_object

PATH = "/callbacks/gateway"

BODY_LIMIT = 65_536
"""Bytes of a callback that are read; a real one has a few hundred."""

EVENT_ID_LIMIT = 128

Receive = Callable[[str, str, bytes], bool]
"""Keeps and follows up a callback: event id, transfer key, body as received; False for a repeat."""


def callback_router(
    *, secret: Callable[[], bytes], key_id: str, receive: Receive, record: CallbackRecord
) -> APIRouter:
    """The route for an app. ``secret`` is read per callback, so that a changed one takes effect.

    ``receive`` runs in a thread; when it raises, the bank gets 503 and may call again.
    """
    router = APIRouter()

    def refused(request: Request, body: bytes, result: str, *, status: int, error: str) -> JSONResponse:
        record.refused(
            result,
            source=request.client.host if request.client else "",
            key_id=request.headers.get(KEY_ID_HEADER, ""),
            timestamp=request.headers.get(TIMESTAMP_HEADER, ""),
            body=body,
        )
        return JSONResponse({"error": error}, status_code=status)

    def answer(request: Request, body: bytes) -> JSONResponse:
        query = request.scope["query_string"].decode("latin-1")
        target = request.scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        signed = {"method": "POST", "path": target, "body": body}
        try:
            fault = fault_of(secret(), key_id, request.headers, **signed, at_unix_s=time.time())
            if fault is not None:
                return refused(request, body, fault, status=401, error="unauthorised")
            if (named := _event_and_key(body)) is None:
                return refused(request, body, "malformed", status=400, error="bad_request")
            is_new = receive(*named, body)
        except FundpoolError:
            record.count("unavailable")
            return JSONResponse({"error": "unavailable"}, status_code=503)
        record.count("received" if is_new else "repeated")
        return JSONResponse({"received": True})

    @router.post(PATH, include_in_schema=False)
    async def gateway_callback(request: Request) -> JSONResponse:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > BODY_LIMIT:
                return await run_in_threadpool(
                    refused, request, bytes(body), "too_large", status=413, error="too_large"
                )
        return await run_in_threadpool(answer, request, bytes(body))

    return router


def _event_and_key(body: bytes) -> tuple[str, str] | None:
    try:
        document = read_json_object(body)
    except ValueError:
        return None
    event_id, key = document.get("event_id"), document.get("key")
    if not isinstance(event_id, str) or not 0 < len(event_id) <= EVENT_ID_LIMIT:
        return None
    return (event_id, key) if isinstance(key, str) and TRANSFER_KEY.fullmatch(key) else None
