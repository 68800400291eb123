"""How payments stand, for people: of one obligation, and of a month."""

from collections.abc import Iterable
from dataclasses import dataclass

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
from fundpool.services.ports import Work


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


_STATE_ZH = {
    ObligationState.SUBMITTED: "待复核",
    ObligationState.APPROVED: "已复核，待放行",
    ObligationState.RELEASED: "已放行，待发送",
    ObligationState.IN_FLIGHT: "银行处理中",
    ObligationState.SETTLED: "已到账",
    ObligationState.FAILED: "银行退拒，须批准重付",
    ObligationState.RETRY_APPROVED: "已批准重付",
    ObligationState.CANCELLED: "已撤回",
    ObligationState.HELD: "挂起待查",
    ObligationState.RETURNED: "已退票",
}


def outcome_of(work: Work, obligation_id: int, error: FundpoolError | None = None) -> TransferOutcome:
    """How an obligation stands now, in words."""
    obligation = work.transfers.obligation(obligation_id)
    known = work.transfers.attempts(obligation_id)
    last = known[-1] if known else None
    zh, en = _STATE_ZH[obligation.state], obligation.state.value.replace("_", " ")
    if obligation.state is ObligationState.IN_FLIGHT and last is not None:
        if last.state is AttemptState.UNKNOWN:
            zh, en = "已发送，结果未明，待查询", "sent, outcome unknown, to be asked for"
        elif last.state is AttemptState.PREPARED:
            zh, en = "已备妥，待发送", "prepared, not sent yet"
    if obligation.held_reason:
        zh, en = f"{zh}（{obligation.held_reason}）", f"{en} ({obligation.held_reason})"
    elif last is not None and last.reason and obligation.state is ObligationState.FAILED:
        zh, en = f"{zh}（{last.reason}）", f"{en} ({last.reason})"
    if error is not None:
        zh, en = error.zh, error.en
    return TransferOutcome(
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
    )


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
    views = []
    for obligation in work.transfers.obligations(city=city, month=month, unit=unit, states=states):
        known = work.transfers.attempts(obligation.id)
        outcome = outcome_of(work, obligation.id)
        views.append(
            TransferView(
                obligation=obligation,
                batch=work.transfers.batch(obligation.batch_id),
                debit_account=work.accounts.get(obligation.debit_account_id),
                credit_account=work.accounts.get(obligation.credit_account_id),
                attempt=known[-1] if known else None,
                detail_zh=outcome.detail_zh,
                detail_en=outcome.detail_en,
            )
        )
    return views
