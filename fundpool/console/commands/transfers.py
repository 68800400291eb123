"""``fundpool transfers``: list, authorise, send, resolve; people decide, and the program chooses keys and states."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from fundpool.clock import business_clock
from fundpool.console.acting import acts, of_break, of_payment
from fundpool.console.commands import bank_statements
from fundpool.console.dashboard.labels import TRANSFER_STATES
from fundpool.console.language import choose, word
from fundpool.console.options import (
    Act,
    ActOnMonth,
    AnyCity,
    AnyFund,
    AnyMonthText,
    BreakNumber,
    City,
    Dated,
    Fund,
    Options,
    Reason,
    chosen,
)
from fundpool.console.output import Columns, Table, heading, named, pick, yuan
from fundpool.domain.errors import InputError
from fundpool.domain.money import format_yuan
from fundpool.domain.periods import parse_month
from fundpool.domain.rights import Right

if TYPE_CHECKING:
    from fundpool.console.options import MonthAct
    from fundpool.domain.transfer import Batch, Hop, Obligation
    from fundpool.services.payments.batches import BatchView, PayeeChange
    from fundpool.services.payments.transfer_views import TransferView
    from fundpool.services.ports.money_ports import KillSwitch, Recovery
    from fundpool.services.ports.work import Work

app = App(name="transfers")

for _command in (
    bank_statements.statement,
    bank_statements.reconciliation,
    bank_statements.bank_files,
    bank_statements.bank_balance,
    bank_statements.match_receipt,
    bank_statements.assign_break,
    bank_statements.terms,
):
    app.command(_command)

_Payment = Annotated[int, Parameter(help="款项序号，见 transfers list / number of the payment")]
_AnyHop = Annotated[
    str | None,
    Parameter(
        name="--hop",
        help="拨付环节，如 fiscal_account>city_expenditure / hop, such as fiscal_account>city_expenditure",
    ),
]


# ---------------------------------------------------------------------------------- seeing


@app.command(name="list")
def list_transfers(
    *,
    city: AnyCity = None,
    month: AnyMonthText = None,
    unit: Annotated[str | None, Parameter(help="收款单位代码 / code of the payee")] = None,
    options: Options = Options(),
) -> int:
    """列出一个城市的拨付款项：付给谁、多少、到哪一步 / Every payment of a city: who is paid what, and how far it has come."""
    from fundpool.services.payments.transfer_views import transfer_views

    wanted = parse_month(month) if month else None
    key = options.city_of(city)
    options.require_known(key, unit=unit)
    rows = [payment_document(view) for view in options.read(transfer_views, key, wanted, unit=unit)]
    columns = "id month fund hop unit amount_fen state detail_zh bank_serial"
    return options.show(
        {"transfers": rows}, Table("拨付款项 / transfers", rows, columns, states=TRANSFER_STATES)
    )


def payment_document(view: "TransferView") -> dict[str, Any]:
    """A payment as JSON has it."""
    order = "id obligation=key city month fund hop unit amount_fen state held_reason settled_at"
    accounts = (
        "debit_account=debit_account.account_no credit_account=credit_account.account_no "
        "credit_name=credit_account.account_name"
    )
    last = "key attempt_no attempt_state=state reason bank_serial executed_at"
    return {
        **pick(view.obligation, order),
        **pick(view, accounts),
        **pick(view.batch, "batch=id maker checker releaser"),
        **pick(view.attempt, last),
        **pick(view, "detail_zh detail_en"),
    }


def _shown(payment: dict[str, Any]) -> "Iterator[tuple[str, object]]":
    """The payment's fields with names instead of codes, and its sentence in one language."""
    for name, value in payment.items():
        if value is not None and name in {"state", "attempt_state"}:
            yield heading(name), word(TRANSFER_STATES, value)
        elif name not in {"detail_zh", "detail_en"}:
            yield heading(name), yuan(value) if name == "amount_fen" else named(name, value)
    yield heading("detail_zh"), choose(payment["detail_zh"], payment["detail_en"])


@app.command
def show(transfer_id: _Payment, *, options: Options = Options()) -> int:
    """一笔款项的全部经过：各次指令、与银行的往来、各人的办理 / One payment with every attempt, every call to the bank and every act of a person."""
    from fundpool.services.payments.transfer_views import transfer_history, why

    found = options.read(transfer_history, transfer_id)
    about = "attempt_no key state first_sent_at last_sent_at reason bank_serial"
    payment = payment_document(found.view)
    attempts = [
        pick(attempt, about)
        | {"calls": [pick(call, "at operation phase answer reason") for call in found.calls[attempt.key]]}
        for attempt in found.attempts
    ]
    history = [pick(record, "at actor action reason") for record in found.records]
    calls = [
        {"attempt": attempt["attempt_no"], **call, "reason": call["reason"] and choose(*why(call["reason"]))}
        for attempt in attempts
        for call in attempt["calls"]
    ]
    return options.show(
        {**payment, "attempts": attempts, "history": history},
        Table(f"{choose('款项', 'transfer')} {transfer_id}", _shown(payment), ["项目 / field", "值 / value"]),
        Table("银行往来 / calls", calls, "attempt at operation phase answer reason"),
        Table("经过 / history", history, "at actor action reason"),
    )


# ---------------------------------------------------------------------------------- authorising


@app.command
def batches(
    *, city: AnyCity = None, month: AnyMonthText = None, hop: _AnyHop = None, options: Options = Options()
) -> int:
    """列出批次及放行的后果：付给谁、多少、比上月增减 / What approving each batch would do: who gets how much, and the change from last month."""
    from fundpool.services.payments.batches import batch_consequences

    (key, wanted), over = options.place_of(city, month), _hop(hop)
    options.require_known(key)
    views = options.read(
        lambda work: [batch_consequences(work, each.id) for each in work.payments.batches(key, wanted, over)]
    )
    place = chosen((key, wanted), city, month)
    said = [" · ".join(place.values())] if place else []
    return options.show({**place, "batches": [_batch(view) for view in views]}, *said, *map(_payees, views))


def _batch(view: "BatchView") -> dict[str, Any]:
    payee = "unit credit_name credit_account=credit_account_no amount_fen last_month_fen instead_of"
    payees = [pick(each, payee) for each in view.payees]
    for each in payees:
        each["instead_of"] = each["instead_of"] and pick(each["instead_of"], "id state")
    return {
        **pick(view.batch, "id key fund hop application state count total_fen"),
        "last_month_total_fen": view.last_month_total_fen,
        "digest": view.digest,
        **pick(view.batch, "maker checker releaser"),
        "payees": payees,
    }


def _payees(view: "BatchView") -> Table:
    def change(payee: "PayeeChange") -> str | None:
        before_fen = payee.last_month_fen
        return None if before_fen is None else format_yuan(payee.amount_fen - before_fen)

    batch = view.batch
    state = word(TRANSFER_STATES, batch.state)
    about = f"{named('fund', batch.fund)} {named('hop', batch.hop)} {state}"
    total, before = format_yuan(batch.total_fen), format_yuan(view.last_month_total_fen)
    return Table(
        choose(
            f"批次 {batch.id} {about} 共 {batch.count} 笔 {total} 元（上月 {before} 元） 摘要 {view.digest[:12]}",
            f"batch {batch.id} {about} payments: {batch.count}, {total} yuan (last month {before} yuan) "
            f"digest {view.digest[:12]}",
        ),
        view.payees,
        {
            "单位 / unit": "unit",
            "户名 / name": "credit_name",
            "账号 / account": "credit_account_no",
            "金额 / yuan": "amount_fen",
            "上月 / last month": "last_month_fen",
            "增减 / change": change,
            "前次 / before": lambda payee: (
                payee.instead_of and f"{payee.instead_of.id} {word(TRANSFER_STATES, payee.instead_of.state)}"
            ),
        },
    )


@app.command
@acts(Right.APPROVE_PAYMENT)
def approve(
    *,
    hop: _AnyHop = None,
    fund: AnyFund = None,
    digest: Annotated[
        str | None,
        Parameter(help="所见批次的摘要，须相符；只办该批次 / digest that was seen; only that batch"),
    ] = None,
    act: ActOnMonth,
) -> int:
    """复核当月待复核的批次，须非其经办人；没有待办的退出码 1 / Approve the waiting batches of a month, as another person than their maker; exit 1 when none waits."""
    from fundpool.services.payments.batches import approve_waiting

    about, over = act.about, _hop(hop)
    city, month = about["city"], about["month"]
    act.require_known(city, fund)
    done = act.change(
        approve_waiting, city, month, hop=over, fund=fund, digest=digest, checker=act.by, now=about["now"]
    )
    return _show_batches(
        done,
        act,
        act.chosen(about),
        none="没有待复核的批次，未办理 / nothing waits for approval; nothing was done",
    )


@app.command
@acts(Right.RELEASE_PAYMENT)
def release(
    *,
    hop: _AnyHop = None,
    fund: AnyFund = None,
    send: Annotated[
        bool,
        Parameter(
            help="放行后即发送，也续发此前放行的 / send at once, also what was released before", negative=""
        ),
    ] = False,
    act: ActOnMonth,
) -> int:
    """由第三人放行当月已复核的批次；没有待办的退出码 1 / Release the approved batches of a month for sending, as a third person; exit 1 when none waits.

    用 --send 时，有款项结果不明为 4，未成或险种停发为 1。 / With --send also 4 while the outcome of a payment is not known, 1 when one failed or the fund is stopped.
    """
    from fundpool.services.payments.batches import release_approved

    about, over = act.about, _hop(hop)
    city, month = about["city"], about["month"]
    act.require_known(city, fund)
    none = "没有待放行的批次，未办理 / nothing waits for release; nothing was done"
    if send:
        return _release_and_send(act, about, hop=over, fund=fund, none=none)
    done = act.change(release_approved, city, month, hop=over, fund=fund, releaser=act.by, now=about["now"])
    return _show_batches(done, act, act.chosen(about), none=none)


def _release_and_send(
    act: ActOnMonth, about: "MonthAct", *, hop: "Hop | None", fund: str | None, none: str
) -> int:
    from fundpool.console.commands.run import report_as_json, report_table
    from fundpool.domain.outcomes import exit_status
    from fundpool.services.month.whole_month import outcomes_of, release_and_send

    done, reports = release_and_send(act.open_month(), act.request(about), hop=hop, fund=fund)
    sent = {"steps": [report_as_json(report) for report in reports]}
    _show_batches(done, act, {**act.chosen(about), **sent}, *map(report_table, reports), none=none)
    return exit_status(outcomes_of(reports)) if reports else 1


def _show_batches(done: "tuple[Batch, ...]", act: Act, more: dict[str, Any], *parts: Table, none: str) -> int:
    """Show the batches that were acted on; exit 1 with the sentence ``none`` when there was none."""
    title = " · ".join(
        [choose("已办理批次", "batches"), *(more[key] for key in ("city", "month") if key in more)]
    )
    return act.show(
        {**more, "batches": [pick(batch, "id key state total_fen") for batch in done]},
        *(() if done else (none,)),
        *((Table(title, done, "id fund hop count total_fen state", states=TRANSFER_STATES),) if done else ()),
        *parts,
        found=not done,
    )


def _hop(text: str | None) -> "Hop | None":
    from fundpool.domain.transfer import Hop

    if text is None:
        return None
    try:
        return Hop.parse(text)
    except ValueError as error:
        raise InputError(
            "hop",
            f"没有这一拨付环节：{text}",
            f"no such hop: {text}",
            remedy="fiscal_account>city_expenditure",
        ) from error


# ---------------------------------------------------------------------------------- people's acts


@app.command
@acts(Right.DECIDE_PAYMENT, of_payment)
def cancel(transfer_id: _Payment, *, reason: Reason, act: Act) -> int:
    """撤回未到银行的款项：从未发送，或银行已明确拒绝 / Withdraw a payment that is not with the bank: never sent, or definitely refused."""
    from fundpool.services.payments import payment_decisions

    withdraw = partial(payment_decisions.cancel, terms=act.settings.gateway_terms)
    return _decide(withdraw, transfer_id, reason, act=act)


@app.command
@acts(Right.OPERATE, of_payment)
def hold(transfer_id: _Payment, *, reason: Reason, act: Act) -> int:
    """挂起一笔款项，待人查看 / Stop one payment until a person has looked."""
    from fundpool.services.payments.payment_decisions import hold_obligation

    return _decide(hold_obligation, transfer_id, reason, act=act)


@app.command(name="look-again")
@acts(Right.DECIDE_PAYMENT, of_payment)
def look_again(transfer_id: _Payment, *, reason: Reason, act: Act) -> int:
    """解除挂起，回到其指令所示的状态 / Take a payment out of HELD to where its attempts say it stands."""
    from fundpool.services.payments.payment_decisions import look_again as leave_held

    return _decide(leave_held, transfer_id, reason, act=act)


@app.command(name="accept-execution")
@acts(Right.DECIDE_PAYMENT, of_payment)
def accept_execution(transfer_id: _Payment, *, reason: Reason, act: Act) -> int:
    """银行在指令终结后仍执行的，认作该笔款项：由待查款项转给收款人 / Take an order that the bank executed after its end for the payment: out of suspense, to the payee."""
    from fundpool.services.payments.payment_decisions import accept_execution as accept

    return _decide(accept, transfer_id, reason, act=act)


@app.command(name="approve-retry")
@acts(Right.DECIDE_PAYMENT, of_payment)
def approve_retry(transfer_id: _Payment, *, reason: Reason, act: Act) -> int:
    """明确失败后准予再付一次；结果曾经不明的须两人 / Allow one more attempt after a definite failure; two people where the outcome was ever unknown."""
    from fundpool.services.payments.payment_decisions import approve_retry as allow_retry

    return _decide(allow_retry, transfer_id, reason, act=act)


@app.command(name="order-again")
@acts(Right.ORDER_PAYMENT, of_payment)
def order_again(transfer_id: _Payment, *, reason: Reason, act: Act) -> int:
    """退票或撤回的，向现已复核的账户重新制单；由另外两人办理 / Order what came back or was withdrawn once more, to the account approved now; two others pass it."""
    from fundpool.services.payments.batches import order_again as order_once_more

    return _decide(order_once_more, transfer_id, reason, act=act)


def _decide(decision: "Callable[..., Obligation]", transfer_id: int, reason: str, *, act: Act) -> int:
    """Carry out a person's decision about a payment in one transaction and show the payment's new state."""
    changed = act.change(decision, transfer_id, by=act.by, reason=reason, now=act.now)
    return act.show(
        pick(changed, "id obligation=key state"), f"{changed.key}: {word(TRANSFER_STATES, changed.state)}"
    )


# ---------------------------------------------------------------------------------- the bank


@app.command
def resolve(*, city: AnyCity = None, month: AnyMonthText = None, options: Dated = Dated()) -> int:
    """向银行查询全部未决款项；仍有不明的退出码 4 / Ask the bank about every payment whose outcome is open; exit 4 while one is not known."""
    from fundpool.domain.outcomes import UNANSWERED, exit_status
    from fundpool.services.payments.disbursement import payment_outcome
    from fundpool.services.payments.resolving import resolve as resolve_open

    wanted = parse_month(month) if month else None
    options.require_known(city)
    outcomes = resolve_open(options.ports(), options.now, city=city, month=wanted)
    about = "id=obligation_id unit fund amount_fen state attempt_state key detail_zh detail_en error_code"
    rows = [pick(outcome, about) for outcome in outcomes]
    columns = "id unit fund amount_fen state detail_zh"
    options.show({"transfers": rows}, Table("查询结果 / outcomes", rows, columns, states=TRANSFER_STATES))
    resolved = map(payment_outcome, outcomes)
    return exit_status([outcome for outcome in resolved if outcome.error_code in UNANSWERED])


@app.command
def breaks(
    *,
    city: AnyCity = None,
    every: Annotated[bool, Parameter(name="--all", help="含已结 / resolved ones too", negative="")] = False,
    options: Options = Options(),
) -> int:
    """本系统账、支付网关与对账单之间的差异；有未结的退出码 1 / Differences between our books, the gateway and the statements; exit 1 while one is open."""
    options.require_known(city)
    found = options.read(lambda work: work.breaks.find(city, only_open=not every))
    columns: Columns = {
        "序号 / id": "id",
        "类别 / kind": "kind",
        "险种 / fund": "fund",
        "说明 / detail": "detail_zh",
        "停发 / stops": lambda each: choose("停发", "stops the fund") if each.stops_fund else None,
        "责任人 / owner": "owner",
        "发现 / found": "found_at",
        "结清人 / resolved by": "resolved_by",
    }
    return options.show(
        {"breaks": found},
        Table("未达与差异 / breaks", found, columns),
        found=any(each.resolved_at is None for each in found),
    )


@app.command(name="resolve-break")
@acts(Right.DECIDE_PAYMENT, of_break)
def resolve_break(break_id: BreakNumber, *, reason: Reason, act: Act) -> int:
    """写明理由，结清差异；没有自动核销的 / Close a break with a person's reason; nothing is written off by itself."""
    from fundpool.services.payments.resolving import resolve_break as close_break

    act.change(close_break, break_id, by=act.by, resolution=reason, now=act.now)
    return act.show({"id": break_id, "resolved_by": act.by}, "已结 / resolved")


@app.command(name="confirm-absence")
@acts(Right.DECIDE_PAYMENT, of_payment)
def confirm_absence(transfer_id: _Payment, *, act: Act) -> int:
    """凭对账单确认一笔指令从未执行；须两人先后确认 / Confirm from the statements that an order was never executed; two people, one after the other."""
    from fundpool.services.payments.resolving import absence_to_confirm
    from fundpool.services.payments.resolving import confirm_absence as confirm

    now, terms = act.now, act.settings.gateway_terms
    attempt = act.change(
        lambda work: confirm(work, absence_to_confirm(work, transfer_id).id, by=act.by, now=now, terms=terms)
    )
    is_half = attempt.fenced_at is None and attempt.absence_confirmed_by is not None
    return act.show(
        {"id": transfer_id, **pick(attempt, "key state confirmed_by=absence_confirmed_by")},
        "已记第一人，须另一人再确认 / first person recorded; another one confirms with the same command"
        if is_half
        else f"{attempt.key}: {word(TRANSFER_STATES, attempt.state)}",
    )


@app.command
def recover(
    *,
    since: Annotated[
        str | None, Parameter(help="更早的核对起日 YYYY-MM-DD / look further back than the books' last day")
    ] = None,
    options: Dated = Dated(),
) -> int:
    """恢复后查核：导入备份以来的全部对账单，逐笔向银行查询 / After a restore: import every statement since the backup and ask the bank about every order.

    反复执行，直到不再报错：此前各险种不能恢复。 / Run it again until it ends without an error: the funds cannot be started before.
    """
    from fundpool.services.payments.recovery import recover as ask

    first_day = None if since is None else business_clock(since).date()
    reports = ask(options.ports(), first_day, options.now)
    document = {
        "statements": len(reports),
        "settled": sum(each.settled for each in reports),
        "breaks_new": sum(each.breaks_new for each in reports),
    }
    table = Table.of_record("恢复后查核 / recovered", document)
    return options.show(document, table, found=document["breaks_new"] > 0)


@app.command(name="confirm-recovery")
@acts(Right.DECIDE_PAYMENT)
def confirm_recovery(*, city: City, fund: Fund, reason: Reason, act: Act) -> int:
    """银行不答复时，凭定稿的对账单完成恢复核对；须两人先后确认 / Finish a recovery that the bank does not answer, from final statements; two people, one after the other."""
    from fundpool.services.payments.recovery import confirm_by_statements

    terms = act.settings.gateway_terms
    act.require_known(city, fund)
    signed = act.change(confirm_by_statements, city, fund, by=act.by, reason=reason, now=act.now, terms=terms)
    return act.show(
        {"city": city, "fund": fund, **pick(signed, "confirmed_by finished_at")},
        "已记第一人，须另一人再确认 / first person recorded; another one confirms with the same command"
        if signed.finished_at is None
        else "恢复核对已完成 / the recovery is finished",
    )


# ---------------------------------------------------------------------------------- stop and start


@app.command
@acts(Right.OPERATE)
def stop(*, city: City, fund: Fund, reason: Reason, act: Act) -> int:
    """立即停发一个险种 / Stop sending for a fund at once."""
    from fundpool.domain.people import person
    from fundpool.services.payments.kill_switches import stop_fund

    act.require_known(city, fund)
    act.change(stop_fund, city, fund, reason=reason, by=person(act.by), now=act.now)
    return switches(options=act)


@app.command
@acts(Right.DECIDE_PAYMENT)
def restart(*, city: City, fund: Fund, act: Act) -> int:
    """恢复发送：一人申请，另一人以同一命令确认 / Start sending again: the first person asks, a second one confirms with the same command."""
    from fundpool.services.payments.kill_switches import restart_fund

    act.require_known(city, fund)
    act.change(restart_fund, city, fund, by=act.by, now=act.now)
    return switches(options=act)


@app.command
def switches(*, options: Options = Options()) -> int:
    """停发开关：哪些险种停发、自何时、为何 / Which funds are stopped, since when and why."""
    from fundpool.services.payments.kill_switches import why_stopped

    def read(work: "Work") -> "tuple[Sequence[KillSwitch], Sequence[Recovery], list[str]]":
        found = work.switches.kill_switches()
        why = [
            choose(*why_stopped(work, each.city, each.fund)) if each.is_stopped else each.reason
            for each in found
        ]
        return found, work.switches.recoveries(), why

    found, recoveries, reasons = options.read(read)
    unfinished = {(each.city, each.fund): each for each in recoveries if each.finished_at is None}
    about = "opened_at since keys_open days_open first_open confirmed_by"
    rows = []
    for switch in found:
        recovery = unfinished.get((switch.city, switch.fund))
        row = pick(switch, "city fund is_stopped reason by at restart_asked_by")
        rows.append(row | {"recovery": recovery and pick(recovery, about)})
    columns: Columns = {
        "城市 / city": "city",
        "险种 / fund": "fund",
        "停发 / stopped": lambda row: (
            choose("停发", "stopped") if row["is_stopped"] else choose("正常", "sending")
        ),
        "理由 / reason": "reason",
        "办理人 / by": "by",
        "时间 / at": "at",
        "申请恢复 / restart requested by": "restart_asked_by",
        "恢复核对 / recovery": lambda row: row["recovery"] and choose("未完成", "not finished"),
    }
    shown = [row | {"reason": reason} for row, reason in zip(rows, reasons, strict=True)]
    return options.show({"switches": rows}, Table("停发开关 / kill switches", shown, columns))
