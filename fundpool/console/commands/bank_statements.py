"""The part of ``fundpool transfers`` about the bank's side: statements, balances, receipts, forms, terms."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from fundpool.clock import business_clock
from fundpool.console.acting import acts, of_break
from fundpool.console.language import choose, one_language
from fundpool.console.options import (
    Act,
    AnyCity,
    AnyMonthText,
    BreakNumber,
    City,
    Dated,
    Json,
    Options,
    make_folder,
    parse_amount,
)
from fundpool.console.output import Columns, Table, named, pick, show, yuan
from fundpool.domain.errors import InputError
from fundpool.domain.rights import Right

if TYPE_CHECKING:
    from fundpool.services.payments.resolving import StatementReport
    from fundpool.services.payments.statements import CatchUp

_Account = Annotated[str, Parameter(help="本方账号 / number of our account")]


@acts(Right.RECORD)
def statement(
    *,
    city: City,
    date: Annotated[str | None, Parameter(help="对账日 YYYY-MM-DD / day of the statement")] = None,
    file: Annotated[
        Path | None,
        Parameter(help="银行自有版式的对账单 CSV、XLSX / a bank's own statement instead of fetching"),
    ] = None,
    layout: Annotated[
        Path | None,
        Parameter(
            help="版式说明 YAML（deployments/sample/bank-layouts），缺省为本系统对账单模板 / how the bank writes it "
            "(deployments/sample/bank-layouts); default the template statement"
        ),
    ] = None,
    account: Annotated[str | None, Parameter(help="文件所属账号 / the account the file is of")] = None,
    first: Annotated[
        str | None, Parameter(name="--from", help="文件首日，缺省对账日 / first day the file covers")
    ] = None,
    last: Annotated[
        str | None, Parameter(name="--to", help="文件末日，缺省对账日 / last day the file covers")
    ] = None,
    by: Annotated[str | None, Parameter(help="办理人，随文件 / who brings the file")] = None,
    options: Dated = Dated(),
) -> int:
    """取回或读入对账单并核对 / Fetch a day's statements, or read a bank's own file, and match them.

    有新的差异时退出码 1。 / Exit 1 when a new break was found.
    """
    from fundpool.adapters.documents.raw_files import read_source
    from fundpool.console.statement_files import import_statement_file
    from fundpool.services.payments.resolving import import_statements
    from fundpool.services.payments.statements import days_of_file, match_receipts

    ports, now = options.open_month(), options.now
    ports.policies.require_known(city)
    if file is not None:
        first, last = first or date, last or date
        if account is None or by is None or first is None or last is None:
            raise _wanting("--account --from --to --by")
        accounts, what = 1, file.name
        days = days_of_file(business_clock(first).date(), business_clock(last).date())
        done: CatchUp | StatementReport = import_statement_file(
            ports, read_source(file), layout, account_no=account, days=days, by=by, now=now
        )
    elif date is not None:
        day = business_clock(date).date()
        done = import_statements(ports, city, day, now=now)
        accounts, what = done.accounts, str(day)
    else:
        raise _wanting("--date")
    receipts = ports.database.transaction(
        lambda work: match_receipts(work, city, now, terms=ports.gateway_terms)
    )
    document = {
        "accounts": accounts,
        "lines_new": done.lines_new,
        "settled": done.settled,
        "receipts_matched": receipts.matched,
        "breaks_new": done.breaks_new + receipts.breaks_new,
    }
    table = Table.of_record(f"{choose('对账', 'statements')} · {what}", document)
    return options.show(document, table, found=document["breaks_new"] > 0)


def _wanting(options: str) -> InputError:
    return InputError(
        "options_missing",
        f"还须给出 {options}",
        f"also give {options}",
        remedy="fundpool transfers statement --help",
    )


def reconciliation(
    *,
    city: AnyCity = None,
    month: AnyMonthText = None,
    out: Annotated[
        Path | None, Parameter(help="目录，缺省 HOME/reports / folder, default HOME/reports")
    ] = None,
    options: Dated = Dated(),
) -> int:
    """写出银行存款余额调节表 / Write the month's bank reconciliation workbook, an account a sheet.

    调节表不平，或有账户的银行余额不明时退出码 1。 / Exit 1 when a form does not balance, or the bank's balance of an account is not known.
    """
    from fundpool.adapters.documents.reconciliation_workbooks import verdict, write_reconciliation
    from fundpool.domain.periods import SHANGHAI
    from fundpool.services.payments.bank_reconciliation import reconciliations
    from fundpool.services.payments.installation import notice_of

    ports = options.open_month()
    city, when = options.place_of(city, month, now=options.now)
    policy = ports.policies.city(city)
    if out is not None:
        make_folder(out)
    forms, notice = ports.database.read(
        lambda work: (reconciliations(work, policy.key, when, terms=ports.gateway_terms), notice_of(work))
    )
    prepared_on = options.now.astimezone(SHANGHAI).date()
    target = write_reconciliation(
        out or options.settings.reports,
        policy,
        when,
        forms=forms,
        prepared_on=prepared_on,
        notice=notice,
    )
    about = (
        "account=account_no name=account_name fund account_type unit day book_fen bank_fen bank_source "
        "adjusted_book_fen adjusted_bank_fen difference_fen missing_days items"
    )
    item = "kind date=day amount_fen reference transfer age_days owner break=break_id booking"
    accounts = [pick(form, about) | {"items": [pick(each, item) for each in form.items]} for form in forms]
    columns: Columns = {
        "账户 / account": lambda form: f"{named('account_type', form.account_type)} {form.account_no}",
        "险种 / fund": "fund",
        "账面 / books": "book_fen",
        "银行 / bank": "bank_fen",
        "差额 / difference": "difference_fen",
        "未达 / items": lambda form: len(form.items),
        "结论 / verdict": lambda form: choose(*verdict(form)),
    }
    return options.show(
        {"city": city, "month": when, "file": target, "accounts": accounts},
        Table(f"{choose('银行存款余额调节', 'bank reconciliation')} · {city} · {when}", forms, columns),
        str(target),
        found=not forms or not all(form.is_balanced for form in forms),
    )


def bank_files(*, options: Options = Options()) -> int:
    """收件目录里的银行文件，以及为何没有采用；有未采用的退出码 1 / The files of a bank without an API, and why one is not used; exit 1 then."""
    from fundpool.services.payments.statements import foreign_to

    ports = options.open_month()
    if ports.read_bank_files is None:
        raise InputError(
            "no_bank_files",
            "支付网关不是文件方式",
            "the payment gateway is not by file",
            remedy="FUNDPOOL_GATEWAY_KIND=file",
        )
    notes = ports.read_bank_files()
    foreign = ports.database.read(lambda work: foreign_to(work, notes))
    rows = [
        {
            "file": note.name,
            "message": note.message,
            "accounts": list(note.accounts),
            "orders": len(note.end_to_end_ids),
            "code": note.error.code if note.error else "not_ours" if note.name in foreign else None,
            "problem_zh": note.error.zh if note.error else foreign.get(note.name, (None, None))[0],
            "problem_en": note.error.en if note.error else foreign.get(note.name, (None, None))[1],
        }
        for note in notes
    ]
    columns: Columns = {
        "文件 / file": "file",
        "报文 / message": "message",
        "账户 / accounts": lambda row: " ".join(row["accounts"]),
        "笔数 / orders": "orders",
        "问题 / problem": "problem_zh",
    }
    table = Table("银行文件 / bank files", rows, columns)
    return options.show({"files": rows}, table, found=any(row["code"] for row in rows))


@acts(Right.RECORD)
def bank_balance(
    *,
    account: _Account,
    date: Annotated[str, Parameter(help="余额日 YYYY-MM-DD / day at whose end it stood")],
    balance: Annotated[str, Parameter(help="余额，元 / balance in yuan")],
    source: Annotated[
        str,
        Parameter(help="依据，如对账单编号 / the paper it stands on, such as the number of the statement"),
    ],
    act: Act,
) -> int:
    """登记纸质对账单上的余额 / Record the balance of a paper statement."""
    from fundpool.services.payments.statements import state_balance

    closing_fen, day = parse_amount(balance), business_clock(date).date()
    act.change(state_balance, account, day, closing_fen=closing_fen, source=source, by=act.by, now=act.now)
    return _recorded(act, account=account, date=day.isoformat(), closing_fen=closing_fen)


@acts(Right.RECORD)
def match_receipt(
    *,
    account: _Account,
    serial: Annotated[str, Parameter(help="银行流水号 / the bank's serial")],
    booking: Annotated[
        str,
        Parameter(
            help="入账编号，见 reconciliation --json / key of the booking, as reconciliation --json lists it"
        ),
    ],
    act: Act,
) -> int:
    """程序不能判断时，由人认定一笔银行收款就是一笔入账 / Say that a receipt is a booking, where the program cannot tell."""
    from fundpool.services.payments.statements import match_by_person

    cleared = act.change(match_by_person, account, serial, posting_key=booking, by=act.by, now=act.now)
    return _recorded(act, account=account, serial=serial, booking=booking, breaks_cleared=cleared)


@acts(Right.OPERATE, of_break)
def assign_break(
    break_id: BreakNumber, *, owner: Annotated[str, Parameter(help="责任人 / who follows it up")], act: Act
) -> int:
    """指定差异的责任人 / Name who follows a break up."""
    from fundpool.services.payments.statements import assign

    act.change(assign, break_id, owner=owner, by=act.by, now=act.now)
    return _recorded(act, id=break_id, owner=owner)


def _recorded(act: Act, **document: object) -> int:
    """Show what was recorded, as it was given."""
    return act.show(document, Table.of_record("已登记 / recorded", document))


def terms(*, json: Json = False) -> int:
    """付款限额，以及银行对支付编号的约定 / The ceilings of payments and what the bank promises about its keys."""
    from fundpool.settings import Settings

    settings = Settings()
    limits, promised = settings.payment_limits, settings.gateway_terms
    ceilings = (
        ("per_payee", "单笔 / one transfer to a payee", limits.per_transfer_fen),
        ("per_batch", "批次 / one batch", limits.per_batch_fen),
        ("per_day", "单日单险种 / a fund's day", limits.per_day_fen),
    )
    spans = {
        "key_retention": "支付编号保存期 / key retention",
        "resend_span": "同号重发期 / same key may be sent again",
        "settle_window": "受理等待 / settle window",
        "max_network_delay": "在途最长 / network delay",
        "lease": "发送占用 / lease",
        "held_after": "未决挂起 / held after",
        "statement_final_after": "对账单定稿 / statement final after",
        "statement_reread": "定稿后再读 / final statement read again",
    }
    amounts = [
        (
            one_language(label),
            choose("不限", "none") if amount_fen is None else yuan(amount_fen),
            f"FUNDPOOL_LIMIT_{name.upper()}_YUAN",
        )
        for name, label, amount_fen in ceilings
    ]
    lines: list[tuple[str, object, str]] = [
        (
            one_language(label),
            getattr(settings, f"gateway_{name}", None) or getattr(promised, name),
            f"FUNDPOOL_GATEWAY_{name.upper()}",
        )
        for name, label in spans.items()
    ]
    lines[1] = (*lines[1][:2], "= 4/5 − delay")  # follows from the others
    lines.append(
        (
            choose("可注销编号", "can fence a key"),
            choose("是", "yes") if promised.can_close else choose("否", "no"),
            "FUNDPOOL_GATEWAY_CAN_CLOSE",
        )
    )
    show(
        {
            "gateway": settings.gateway_kind,
            "limits": {f"{name}_fen": amount_fen for name, _, amount_fen in ceilings},
            "terms": {f"{name}_s": int(getattr(promised, name).total_seconds()) for name in spans}
            | {"can_close": promised.can_close},
        },
        Table("限额 / limits", amounts, ["项目 / item", "元 / yuan", "变量 / variable"]),
        Table(
            f"{choose('银行约定', 'terms of the bank')} · {settings.gateway_kind}",
            lines,
            ["项目 / item", "值 / value", "变量 / variable"],
        ),
        as_json=json,
    )
    return 0
