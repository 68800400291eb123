"""How payments stand, for people: of one obligation, and of a month."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fundpool.domain.audit import AuditRecord
from fundpool.domain.errors import FundpoolError
from fundpool.domain.periods import Month
from fundpool.domain.transfer import (
    Attempt,
    AttemptState,
    BankAccount,
    Batch,
    Hop,
    Obligation,
    ObligationState,
)
from fundpool.services.ports.money_ports import GatewayCall
from fundpool.services.ports.work import Work


@dataclass(frozen=True, slots=True)
class TransferOutcome:
    """How one obligation stands after a step; ``error_code`` when it could not go on."""

    obligation_id: int
    city: str
    fund: str
    month: Month
    hop: Hop
    unit: str
    amount_fen: int
    state: ObligationState
    attempt_state: AttemptState | None
    key: str | None
    detail_zh: str
    detail_en: str
    error_code: str | None = None
    remedy: str | None = None


_STATE = {
    ObligationState.SUBMITTED: ("待复核", "to be approved"),
    ObligationState.APPROVED: ("已复核，待放行", "approved, to be released"),
    ObligationState.RELEASED: ("已放行，待发送", "released, to be sent"),
    ObligationState.IN_FLIGHT: ("银行处理中", "with the bank"),
    ObligationState.SETTLED: ("已到账", "settled"),
    ObligationState.FAILED: ("银行退拒，须批准重付", "refused by the bank, a retry needs approval"),
    ObligationState.RETRY_APPROVED: ("已批准重付", "retry approved"),
    ObligationState.CANCELLED: ("已撤回", "withdrawn"),
    ObligationState.HELD: ("挂起待查", "held"),
    ObligationState.RETURNED: ("已退票", "sent back by the bank"),
    ObligationState.PARTLY_RETURNED: ("部分退票", "a part was sent back by the bank"),
}


_STATE_OF_ORDER = {
    (ObligationState.IN_FLIGHT, AttemptState.SENDING): ("发送中，结果未明", "being sent, outcome unknown"),
    (ObligationState.IN_FLIGHT, AttemptState.UNKNOWN): (
        "已发送，结果未明，待查询",
        "sent, outcome unknown, to be asked for",
    ),
    (ObligationState.IN_FLIGHT, AttemptState.PREPARED): ("已备妥，待发送", "prepared, not sent yet"),
    (ObligationState.IN_FLIGHT, AttemptState.CLOSING): (
        "结果未明，正请银行注销支付编号",
        "outcome unknown, the bank is asked to close its key",
    ),
    (ObligationState.FAILED, AttemptState.CLOSED): (
        "未付出，支付编号已注销，须批准重付",
        "not paid, its key is closed, a retry needs approval",
    ),
}
"""How an obligation stands where its last order says it more exactly."""

ASK_AGAIN = (
    "再查询，不另付：fundpool run reconciliation；久无答复须人工查明 / ask again, never pay anew: fundpool run "
    "reconciliation; where no answer comes, people look"
)
"""What to do about a payment whose outcome is not known."""


_WHY = {
    # why it is held
    "ordered_beside": ("同一笔款项另有指令未了", "another order for it is not over"),
    "digest_changed": ("批次在复核后被改动", "its batch was changed after approval"),
    "account_version_changed": ("账户在复核后变更", "an account was changed after approval"),
    "amount_changed": ("金额与批准的不符", "its amount is not the approved one"),
    "exceeds_limit": ("超过限额", "above a limit"),
    "exceeds_annual_budget": ("超过年度预算", "above the annual budget"),
    "budget_missing": ("没有年度预算", "the year has no budget"),
    "seal_broken": ("数据库被绕过程序改动", "the database was changed behind the program"),
    "row_put_back": ("数据库的行被绕过程序改回或删除", "a row was put back or deleted behind the program"),
    "request_altered": ("指令与批准的内容不符", "its order is not what was approved"),
    "payload_mismatch": ("银行以同一编号存有另一笔", "the bank has another order under its key"),
    "attempts_exhausted": ("已试满次数", "tried as often as is allowed"),
    "executed_twice": ("银行执行了两次", "executed twice by the bank"),
    "executed_after_end": ("终结之后仍被银行执行", "executed by the bank after its end"),
    "unresolved_sending": ("发送中断已久，结果不明", "its sending broke off long ago, outcome unknown"),
    "unresolved_unknown": ("发出已久，结果不明", "sent long ago, outcome unknown"),
    "unresolved_accepted": ("银行受理已久，没有结果", "accepted by the bank long ago, without an end"),
    "unresolved_closing": ("注销已久，银行没有答复", "its closing has been unanswered for long"),
    # why nothing is known of it, or nothing follows from what the bank says
    "unreachable": ("银行连接不上", "the bank could not be reached"),
    "timeout": ("银行没有按时答复", "the bank did not answer in time"),
    "deadline": ("银行没有按时答完", "the bank's answer did not end in time"),
    "connection_lost": ("连接中断", "the connection was lost"),
    "unauthorised": ("银行不认本系统的签名", "the bank refuses our signature"),
    "rate_limited": ("银行限制了调用次数", "the bank limits how often it is called"),
    "in_progress": ("银行正在受理", "the bank is taking it in"),
    "oversized": ("银行的答复过长", "the bank's answer is too long"),
    "unreadable": ("银行的答复无法读取", "the bank's answer cannot be read"),
    "echo_mismatch": ("银行的答复与指令不符", "the bank's answer is not about this order"),
    "unexpected_state": ("银行的答复不合约定", "the bank's answer is not as agreed"),
    "unlisted_rejection": (
        "银行退拒的理由不在约定之列",
        "the bank's reason to refuse it is not an agreed one",
    ),
    "not_found": ("银行查无此支付", "the bank does not know it"),
    "duplicate_reported": ("银行称已收过", "the bank has it already"),
    "order_does_not_fit": ("指令放不进银行的报文", "the order does not fit into the bank's message"),
    "awaiting_bank": ("文件已交银行，待回执", "the file is with the bank, its status has not come"),
    "no_fence": ("银行不能注销支付编号", "the bank cannot close a key"),
    "end_in_doubt": ("已终止，而银行称另有去向", "over, yet the bank spoke of it as under way"),
    "contradictory_status": ("银行的回执互相矛盾", "its statuses contradict each other"),
    "statement_differs": ("对账单与支付不符", "its statement shows the payment otherwise"),
    # why the bank refused it
    "insufficient_balance": ("付款账户余额不足", "the payer's balance is too small"),
    "unknown_debit_account": ("付款账户不存在", "the payer's account is unknown"),
    "unknown_credit_account": ("收款账户不存在", "the payee's account is unknown"),
    "name_mismatch": ("收款户名不符", "the payee's name is another"),
    "account_closed": ("账户已销户", "the account is closed"),
    "same_account": ("收付为同一账户", "payer and payee are one account"),
    "expired": ("超过有效时间", "its validity was over"),
}
"""Reasons in words; what a person wrote, or a bank says in its own words, stands as it is."""


def why(reason: str) -> tuple[str, str]:
    """A held payment's or a bank's reason in Chinese and English."""
    if reason.startswith("http_"):
        status = reason.removeprefix("http_")
        return f"银行答复 HTTP {status}", f"the bank answered HTTP {status}"
    return _WHY.get(reason.split(":", maxsplit=1)[0], (reason, reason))


def in_words(obligation: Obligation, last: Attempt | None = None) -> tuple[str, str]:
    """How an obligation stands, in Chinese and English; ``last`` is its last attempt, where it matters."""
    zh, en = _STATE[obligation.state]
    reason = obligation.held_reason if obligation.state is ObligationState.HELD else None
    if last is not None and (obligation.state, last.state) in _STATE_OF_ORDER:
        zh, en = _STATE_OF_ORDER[obligation.state, last.state]
    elif last is not None and obligation.state is ObligationState.FAILED:
        reason = last.reason
    if reason:
        why_zh, why_en = why(reason)
        zh, en = f"{zh}（{why_zh}）", f"{en} ({why_en})"
    return zh, en


def outcome_of(work: Work, obligation_id: int, error: FundpoolError | None = None) -> TransferOutcome:
    """How an obligation stands now, in words; ``error``: why it could not go on."""
    errors = {} if error is None else {obligation_id: error}
    return outcomes_of(work, [work.payments.obligation(obligation_id)], errors)[0]


def outcomes_of(
    work: Work, obligations: Sequence[Obligation], errors: Mapping[int, FundpoolError]
) -> list[TransferOutcome]:
    """How these obligations stand, in words; ``errors``: by obligation id, why it could not go on."""
    attempts = work.attempts.of_obligations(each.id for each in obligations)
    outcomes = []
    for obligation in obligations:
        error = errors.get(obligation.id)
        last = next(reversed(attempts[obligation.id]), None)
        zh, en = in_words(obligation, last) if error is None else (error.zh, error.en)
        outcomes.append(
            TransferOutcome(
                obligation_id=obligation.id,
                city=obligation.city,
                fund=obligation.fund,
                month=obligation.month,
                hop=obligation.hop,
                unit=obligation.unit,
                amount_fen=obligation.amount_fen,
                state=obligation.state,
                attempt_state=last.state if last else None,
                key=last.key if last else None,
                detail_zh=zh,
                detail_en=en,
                error_code=error.code if error else None,
                remedy=error.remedy if error else None,
            )
        )
    return outcomes


@dataclass(frozen=True, slots=True)
class TransferView:
    """One obligation with its batch, accounts and last attempt, for tables and pages."""

    obligation: Obligation
    batch: Batch
    debit_account: BankAccount
    credit_account: BankAccount
    attempt: Attempt | None
    detail_zh: str
    detail_en: str


def transfer_views(
    work: Work,
    city: str,
    month: Month | None = None,
    *,
    unit: str | None = None,
    states: Iterable[ObligationState] | None = None,
) -> list[TransferView]:
    """Every obligation of a city (and month, unit, states), as people want to see it."""
    obligations = work.payments.obligations(city=city, month=month, unit=unit, states=states)
    attempts: dict[int, list[Attempt]] = {}
    for attempt in work.attempts.in_states(AttemptState, city=city, month=month):
        attempts.setdefault(attempt.obligation_id, []).append(attempt)
    return views_of(work, obligations, batches=work.payments.batches(city, month), attempts=attempts)


def views_of(
    work: Work,
    obligations: Iterable[Obligation],
    *,
    batches: Iterable[Batch],
    attempts: Mapping[int, Sequence[Attempt]],
) -> list[TransferView]:
    """``obligations`` with what is known of them, as people want to see them; ``attempts`` by obligation, in order."""
    batch_of = {batch.id: batch for batch in batches}
    payments = list(obligations)
    used = {number for each in payments for number in (each.debit_account_id, each.credit_account_id)}
    accounts = {account.id: account for account in work.accounts.get_all(list(used))}
    views = []
    for obligation in payments:
        orders = attempts.get(obligation.id)
        last = orders[-1] if orders else None
        zh, en = in_words(obligation, last)
        views.append(
            TransferView(
                obligation=obligation,
                batch=batch_of[obligation.batch_id],
                debit_account=accounts[obligation.debit_account_id],
                credit_account=accounts[obligation.credit_account_id],
                attempt=last,
                detail_zh=zh,
                detail_en=en,
            )
        )
    return views


@dataclass(frozen=True, slots=True)
class TransferHistory:
    """One payment with every order to the bank, every call about each (by its key) and every act of a person."""

    view: TransferView
    attempts: tuple[Attempt, ...]
    calls: Mapping[str, tuple[GatewayCall, ...]]
    records: tuple[AuditRecord, ...]


def transfer_history(work: Work, obligation_id: int) -> TransferHistory:
    """Everything about one payment. Raises InputError ``obligation_unknown``."""
    obligation = work.payments.obligation(obligation_id)
    views = transfer_views(work, obligation.city, obligation.month, unit=obligation.unit)
    view = next(each for each in views if each.obligation.id == obligation_id)
    attempts = tuple(work.attempts.of_obligation(obligation_id))
    subjects = [f"batch:{view.batch.key}", f"obligation:{obligation.key}"]
    subjects += [f"attempt:{attempt.key}" for attempt in attempts]
    return TransferHistory(
        view,
        attempts,
        {attempt.key: tuple(work.attempts.calls(attempt.key)) for attempt in attempts},
        records=tuple(record for subject in subjects for record in work.audit.records(subject)),
    )
