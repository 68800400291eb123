"""The alphabet of gateway faults: what can go wrong, by name, in one table.

The sandbox bank plays them over HTTP for training and tests, the tests in process for
the simulation. A fault says whether the bank's book acts on the request, what then happens inside
the bank, and what the caller gets to see.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from fundpool.sandbox_bank.bank_book import PROMPT, Course

DAY_S = 86_400

Document = dict[str, Any]


class Call(StrEnum):
    """The calls of the gateway, and the bank's own call back."""

    SUBMIT = "submit"
    QUERY = "query"
    CLOSE = "close"
    STATEMENT = "statement"
    CALLBACK = "callback"


class Symptom(StrEnum):
    """What the caller sees of an answer."""

    WHOLE = "whole"
    """The answer, complete."""
    REFUSED = "refused"
    """The connection does not come about."""
    RESET = "reset"
    """The connection breaks without an answer."""
    SILENCE = "silence"
    """The connection stays open and nothing comes."""
    DRIP = "drip"
    """The answer comes one byte at a time, longer than anyone waits."""
    CUT = "cut"
    """The answer breaks off before its announced length."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One symbol of the alphabet. ``status`` and ``edit`` change the answer on its way out.

    ``edit`` gets the status and the document and returns the body; ``delay_s`` is how long the
    answer takes on the wire.
    """

    zh: str
    en: str
    calls: frozenset[Call] = frozenset({Call.SUBMIT, Call.QUERY, Call.CLOSE, Call.STATEMENT})
    reaches_book: bool = True
    course: Course = PROMPT
    symptom: Symptom = Symptom.WHOLE
    status: int | None = None
    content_type: str = "application/json"
    edit: Callable[[Document], bytes] | None = None
    delay_s: float = 0.0
    forgets_key: bool = False

    def lasting(self, seconds: int) -> "Fault":
        """The same fault with ``seconds`` for whatever time it is about."""
        course = self.course
        return replace(
            self,
            course=replace(
                course,
                arrives_after_s=course.arrives_after_s and seconds,
                executes_after_s=course.executes_after_s and seconds,
                executes_after_refusal_s=course.executes_after_refusal_s and seconds,
                returns_after_s=course.returns_after_s and seconds,
            ),
            delay_s=float(seconds) if self.delay_s else 0.0,
        )


def encoded(document: Document) -> bytes:
    """A document as the bank sends it."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _changed(**values: Any) -> Callable[[Document], bytes]:
    return lambda document: encoded(document | values)


def _amount(changed: Callable[[int], object]) -> Callable[[Document], bytes]:
    return lambda document: encoded(document | {"amount_fen": changed(document.get("amount_fen") or 0)})


def _lines(changed: Callable[[list[Any]], list[Any]]) -> Callable[[Document], bytes]:
    return lambda document: encoded({"lines": changed(document.get("lines", []))})


def _fixed(body: bytes) -> Callable[[Document], bytes]:
    return lambda _document: body


def _state_twice(document: Document) -> bytes:
    return encoded(document)[:-1] + b',"state":"rejected","reason":"insufficient_balance"}'


def _half(document: Document) -> bytes:
    whole = encoded(document)
    return whole[: len(whole) // 2]


def _last_under_two_serials(lines: list[Any]) -> list[Any]:
    return lines + [line | {"bank_serial": f"{line['bank_serial']}-2"} for line in lines[-1:]]


_SUBMIT = frozenset({Call.SUBMIT})
_QUERY = frozenset({Call.QUERY})
_STATEMENT = frozenset({Call.STATEMENT})
_CALLBACK = frozenset({Call.CALLBACK})
_TRANSFER = frozenset({Call.SUBMIT, Call.QUERY})
_BY_KEY = frozenset({Call.SUBMIT, Call.QUERY, Call.CLOSE})

FAULTS: dict[str, Fault] = {
    # The request does not get through, or the answer does not come back.
    "refused": Fault("拒绝连接", "connection refused", reaches_book=False, symptom=Symptom.REFUSED),
    "reset_before": Fault(
        "受理前断开", "reset before the order is read", reaches_book=False, symptom=Symptom.RESET
    ),
    "reset_after": Fault("受理后断开", "reset after the bank acted", symptom=Symptom.RESET),
    "silence_before": Fault(
        "请求丢失，无应答", "lost before arrival, no answer", reaches_book=False, symptom=Symptom.SILENCE
    ),
    "arrives_later": Fault(
        "无应答，请求稍后到达",
        "no answer, the order arrives later",
        calls=_SUBMIT,
        course=Course(arrives_after_s=600),
        symptom=Symptom.SILENCE,
    ),
    "silence_after": Fault("已执行，无应答", "executed, no answer", symptom=Symptom.SILENCE),
    "drip": Fault("应答逐字节拖延", "answer drips past every deadline", symptom=Symptom.DRIP),
    "slow": Fault("应答缓慢", "slow answer", delay_s=3.0),
    # Status codes that prove nothing.
    "500_before": Fault("受理前 500", "500 before the bank acted", reaches_book=False, status=500),
    "500_after": Fault("受理后 500", "500 after the bank acted", status=500),
    "502": Fault("网关 502", "502 from a proxy, bank acted", status=502, content_type="text/html"),
    "503": Fault("服务 503", "503, bank did not act", reaches_book=False, status=503),
    "504": Fault("网关 504", "504 from a proxy, bank acted", status=504, content_type="text/html"),
    "429": Fault("限流 429", "429 too many requests", reaches_book=False, status=429),
    "409_in_progress": Fault(
        "处理中 409", "409 in progress, bank acted", status=409, edit=_fixed(b'{"error":"in_progress"}')
    ),
    "redirect": Fault("重定向", "redirect elsewhere", reaches_book=False, status=302),
    "bare_404": Fault(
        "代理 404", "404 page of a proxy", reaches_book=False, status=404, content_type="text/html"
    ),
    # Answers that cannot be believed.
    "empty": Fault("应答为空", "empty body", edit=_fixed(b"")),
    "cut": Fault("应答中断", "answer shorter than announced", symptom=Symptom.CUT),
    "half": Fault("应答截断", "half of the JSON", edit=_half),
    "wrong_content_type": Fault("类型不对", "wrong content type", content_type="text/html; charset=utf-8"),
    "invalid_json": Fault("非 JSON", "not JSON", edit=_fixed(b"OK")),
    "duplicate_keys": Fault("重复字段", "a field twice", calls=_TRANSFER, edit=_state_twice),
    "amount_as_text": Fault("金额为文本", "amount as text", calls=_TRANSFER, edit=_amount(str)),
    "amount_as_fraction": Fault("金额为小数", "amount as 1.0", calls=_TRANSFER, edit=_amount(float)),
    "wrong_currency": Fault("币种不符", "other currency", calls=_TRANSFER, edit=_changed(currency="USD")),
    "echo_other_key": Fault(
        "回显他键", "echo of another key", calls=_TRANSFER, edit=_changed(key="other-key")
    ),
    "echo_other_amount": Fault(
        "回显金额不符", "echo of another amount", calls=_TRANSFER, edit=_amount(lambda fen: fen + 1)
    ),
    "echo_other_account": Fault(
        "回显账户不符", "echo of another payee", calls=_TRANSFER, edit=_changed(credit_account="000")
    ),
    # What happens inside the bank.
    "processing": Fault(
        "长时间处理中", "processing for two days", calls=_SUBMIT, course=Course(executes_after_s=2 * DAY_S)
    ),
    "reject": Fault(
        "明确拒绝", "definite rejection", calls=_SUBMIT, course=Course(refused_for="account_closed")
    ),
    "reject_unlisted": Fault(
        "原因不明的拒绝",
        "rejection for an unlisted reason",
        calls=_SUBMIT,
        course=Course(refused_for="other"),
    ),
    "reject_then_success": Fault(
        "拒绝后又执行",
        "rejected, executed later all the same",
        calls=_SUBMIT,
        course=Course(refused_for="account_closed", executes_after_refusal_s=600),
    ),
    "success_then_returned": Fault(
        "成功后退票", "executed, returned a day later", calls=_SUBMIT, course=Course(returns_after_s=DAY_S)
    ),
    "success_then_part_returned": Fault(
        "成功后部分退票",
        "executed, one yuan of it returned a day later",
        calls=_SUBMIT,
        course=Course(returns_after_s=DAY_S, returns_fen=(100,)),
    ),
    "key_forgotten": Fault("遗忘业务键", "the bank has forgotten the key", calls=_BY_KEY, forgets_key=True),
    # Queries behind the truth.
    "not_found": Fault(
        "已受理却查无",
        "not found although accepted",
        calls=_QUERY,
        status=404,
        edit=_fixed(b'{"error":"not_found"}'),
    ),
    "stale": Fault(
        "查询滞后",
        "still processing although executed",
        calls=_QUERY,
        edit=_changed(state="processing", bank_serial=None, executed_at=None),
    ),
    # Statements.
    "statement_late": Fault(
        "对账单未出", "statement still empty", calls=_STATEMENT, edit=_fixed(b'{"lines":[]}')
    ),
    "statement_line_twice": Fault(
        "对账单重复行", "a line twice", calls=_STATEMENT, edit=_lines(lambda lines: lines + lines[-1:])
    ),
    "statement_line_missing": Fault(
        "对账单缺行", "a line missing", calls=_STATEMENT, edit=_lines(lambda lines: lines[:-1])
    ),
    "statement_two_lines": Fault(
        "一键两行", "two lines for one key", calls=_STATEMENT, edit=_lines(_last_under_two_serials)
    ),
    # Callbacks; how they are delivered is the business of whoever delivers them.
    "callback_early": Fault("通知先于应答", "callback before the answer", calls=_CALLBACK),
    "callback_ten_times": Fault("通知十次", "callback ten times", calls=_CALLBACK),
    "callback_out_of_order": Fault("通知乱序", "callback after the next one", calls=_CALLBACK),
    "callback_unknown_key": Fault("通知未知键", "callback for an unknown key", calls=_CALLBACK),
    "callback_bad_signature": Fault("通知签名错", "callback with a bad signature", calls=_CALLBACK),
}
"""Every fault by name."""


@dataclass(slots=True)
class Switch:
    """A fault that is switched on: for one key or any, for the next ``times`` calls."""

    name: str
    fault: Fault
    call: Call
    key: str | None
    times: int


class FaultPlan:
    """Which faults come next. The first switch that fits a call is used and counted down."""

    def __init__(self) -> None:
        self.switches: list[Switch] = []
        self._lock = threading.Lock()

    def add(
        self,
        name: str,
        *,
        call: Call | None = None,
        key: str | None = None,
        times: int = 1,
        seconds: int | None = None,
    ) -> Switch:
        """Switch a fault on. Without ``call`` it is for submissions, or the only call it can befall.

        Raises ValueError for an unknown name, a call that the fault cannot befall, or no times.
        """
        if name not in FAULTS:
            raise ValueError(f"unknown fault {name!r}; one of {', '.join(FAULTS)}")
        fault = FAULTS[name] if seconds is None else FAULTS[name].lasting(seconds)
        befallen = call or (Call.SUBMIT if Call.SUBMIT in fault.calls else min(fault.calls))
        if befallen not in fault.calls:
            raise ValueError(f"{name} befalls {', '.join(sorted(fault.calls))}, not {befallen}")
        if times < 1:
            raise ValueError("times must be at least 1")
        switch = Switch(name, fault, befallen, key=key, times=times)
        self.switches.append(switch)
        return switch

    def take(self, call: Call, key: str | None) -> Switch | None:
        """The fault for this call, if one is switched on; uses it up once."""
        with self._lock:
            for switch in self.switches:
                if switch.call is call and switch.key in {None, key}:
                    switch.times -= 1
                    if switch.times == 0:
                        self.switches.remove(switch)
                    return switch
        return None

    def clear(self) -> None:
        """Switch everything off."""
        self.switches.clear()
