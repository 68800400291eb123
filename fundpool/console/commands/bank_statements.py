"""The part of ``fundpool transfers`` about the bank's side: statements, balances, receipts, forms, terms."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from fundpool.clock import business_clock
from fundpool.console.options import AsOf, By, City, Json, MonthText, PolicyDir, open_month
from fundpool.console.output import print_json, print_table
from fundpool.domain.errors import InputError
from fundpool.domain.money import format_yuan, parse_yuan
from fundpool.settings import Settings

if TYPE_CHECKING:
    from fundpool.domain.bank_reconciliation import BankReconciliation
    from fundpool.services.ports.work import MonthPorts

_Account = Annotated[str, Parameter(help="本方账号 / number of our account")]


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
            help="版式说明 YAML，缺省为本系统对账单模板 / how the bank writes it "
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
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """取回或读入对账单并核对 / Fetch a day's statements, or read a bank's own file, and match them.

    Exit 1 when a new break was found.
    """
    from fundpool.services.payments.resolving import import_statements
    from fundpool.services.payments.statements import match_receipts

    ports, now = open_month(policy_dir), business_clock(as_of)
    if file is not None:
        period = (first or date, last or date)
        accounts, lines_new, settled, breaks = _from_file(ports, file, layout, account, period, by, now)
        what = file.name
    elif date is not None:
        day = business_clock(date).date()
        report = import_statements(ports, city, day, now)
        accounts, lines_new, settled, breaks = (
            report.accounts,
            report.lines_new,
            report.settled,
            report.breaks_new,
        )
        what = str(day)
    else:
        raise _wanting("--date")
    receipts = ports.database.transaction(lambda work: match_receipts(work, city, now, ports.gateway_terms))
    document = {
        "accounts": accounts,
        "lines_new": lines_new,
        "settled": settled,
        "receipts_matched": receipts.matched,
        "breaks_new": breaks + receipts.breaks_new,
    }
    if json:
        print_json(document)
    else:
        print_table(f"{what} 对账 / statements", list(document), [list(document.values())])
    return 1 if document["breaks_new"] else 0


def _from_file(
    ports: "MonthPorts",
    file: Path,
    layout: Path | None,
    account: str | None,
    period: tuple[str | None, str | None],
    by: str | None,
    now: datetime,
) -> tuple[int, int, int, int]:
    from fundpool.adapters.banks.bank_layouts import read_layout, read_statement, template_layout
    from fundpool.adapters.documents.raw_files import read_source
    from fundpool.services.payments.statements import import_file

    if account is None or by is None or period[0] is None or period[1] is None:
        raise _wanting("--account --from --to --by")
    first, last = business_clock(period[0]).date(), business_clock(period[1]).date()
    if not timedelta(0) <= last - first <= timedelta(days=366):
        raise InputError(
            "period",
            f"对账期间 {first} 至 {last} 不对",
            f"not a period: {first} to {last}",
            remedy="--from / --to",
        )
    source = read_source(file)
    written = template_layout() if layout is None else read_layout(layout)
    own = read_statement(file.name, source.content, written, account)
    sha256 = ports.raw_files.keep(source.content)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    done = ports.database.transaction(
        lambda work: import_file(
            work,
            account,
            days,
            own.lines,
            own.opening_fen,
            own.closing_fen,
            source=f"{file.name[:100]} sha256:{sha256}",
            by=by,
            now=now,
            terms=ports.gateway_terms,
        )
    )
    return 1, done.lines_new, done.settled, done.breaks_new


def _wanting(options: str) -> InputError:
    return InputError(
        "options_missing",
        f"还须给出 {options}",
        f"also give {options}",
        remedy="fundpool transfers statement --help",
    )


def reconciliation(
    *,
    city: City,
    month: MonthText,
    out: Annotated[Path | None, Parameter(help="目录，缺省 HOME/reports / folder")] = None,
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """写出银行存款余额调节表 / Write the month's bank reconciliation workbook, an account a sheet.

    Exit 1 when a form does not balance, or the bank's balance of an account is not known.
    """
    from fundpool.adapters.documents.reconciliation_workbooks import ReconciliationWorkbooks
    from fundpool.domain.periods import SHANGHAI, parse_month
    from fundpool.services.payments.bank_reconciliation import reconciliations

    ports, when = open_month(policy_dir), parse_month(month)
    policy = ports.policies.city(city)
    forms = ports.database.read(lambda work: reconciliations(work, policy.key, when, ports.gateway_terms))
    prepared_on = business_clock(as_of).astimezone(SHANGHAI).date()
    target = ReconciliationWorkbooks(out or Settings().reports).write(policy, when, forms, prepared_on)
    if json:
        print_json(
            {"city": city, "month": str(when), "file": str(target), "accounts": list(map(_document, forms))}
        )
    else:
        print_table(
            f"银行存款余额调节 reconciliation · {city} · {when}",
            ["账户 account", "险种 fund", "账面 books", "银行 bank", "差额 difference", "未达 items", "结论"],
            [_row(form) for form in forms],
        )
        print(target)
    return 0 if forms and all(form.is_balanced for form in forms) else 1


def _row(form: "BankReconciliation") -> list[Any]:
    from fundpool.adapters.documents.reconciliation_workbooks import verdict_zh

    return [
        f"{form.account_type} {form.account_no}",
        form.fund,
        format_yuan(form.book_fen),
        None if form.bank_fen is None else format_yuan(form.bank_fen),
        None if form.difference_fen is None else format_yuan(form.difference_fen),
        len(form.items),
        verdict_zh(form),
    ]


def _document(form: "BankReconciliation") -> dict[str, Any]:
    return {
        "account": form.account_no,
        "name": form.account_name,
        "fund": form.fund,
        "account_type": form.account_type.value,
        "unit": form.unit,
        "day": form.day.isoformat(),
        "book_fen": form.book_fen,
        "bank_fen": form.bank_fen,
        "bank_source": form.bank_source.value if form.bank_source else None,
        "adjusted_book_fen": form.adjusted_book_fen,
        "adjusted_bank_fen": form.adjusted_bank_fen,
        "difference_fen": form.difference_fen,
        "missing_days": [day.isoformat() for day in form.missing_days],
        "items": [
            {
                "kind": item.kind.value,
                "date": item.day.isoformat(),
                "amount_fen": item.amount_fen,
                "reference": item.reference,
                "transfer": item.transfer,
                "age_days": item.age_days,
                "owner": item.owner,
                "break": item.break_id,
                "booking": item.booking,
            }
            for item in form.items
        ],
    }


def bank_files(*, policy_dir: PolicyDir = None, json: Json = False) -> int:
    """收件目录里的银行文件 / The files of a bank without an API, and why one is not used; exit 1 then."""
    from fundpool.services.payments.statements import foreign_to

    ports = open_month(policy_dir)
    if ports.bank_inbox is None:
        raise InputError(
            "no_bank_files",
            "支付网关不是文件方式",
            "the payment gateway is not by file",
            remedy="FUNDPOOL_GATEWAY_KIND=file",
        )
    notes = ports.bank_inbox.files()
    foreign = ports.database.read(lambda work: foreign_to(work, notes))
    rows = [
        {
            "file": note.name,
            "message": note.message,
            "accounts": list(note.accounts),
            "orders": len(note.end_to_end_ids),
            "code": note.error.code if note.error else "not_ours" if note.name in foreign else None,
            "problem_zh": note.error.zh if note.error else foreign.get(note.name),
        }
        for note in notes
    ]
    if json:
        print_json({"files": rows})
    else:
        print_table(
            "银行文件 bank files",
            ["文件 file", "报文 message", "账户 accounts", "笔数 orders", "问题 problem"],
            [
                [row["file"], row["message"], " ".join(note.accounts), row["orders"], row["problem_zh"]]
                for row, note in zip(rows, notes, strict=True)
            ],
        )
    return 1 if any(row["code"] for row in rows) else 0


def bank_balance(
    *,
    account: _Account,
    date: Annotated[str, Parameter(help="余额日 YYYY-MM-DD / day at whose end it stood")],
    balance: Annotated[str, Parameter(help="余额，元 / yuan")],
    source: Annotated[str, Parameter(help="依据，如对账单编号 / the paper it stands on")],
    by: By,
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """登记纸质对账单上的余额 / Record the balance of a paper statement."""
    from fundpool.services.payments.statements import state_balance

    try:
        closing_fen = parse_yuan(balance)
    except ValueError as error:
        raise InputError(
            "amount", f"金额写法不对：{balance}", f"not an amount in yuan: {balance}", remedy="1234567.89"
        ) from error
    day, now = business_clock(date).date(), business_clock(as_of)
    open_month(policy_dir).database.transaction(
        lambda work: state_balance(work, account, day, closing_fen, source=source, by=by, now=now)
    )
    _told({"account": account, "date": day.isoformat(), "closing_fen": closing_fen}, as_json=json)
    return 0


def match_receipt(
    *,
    account: _Account,
    serial: Annotated[str, Parameter(help="银行流水号 / the bank's serial")],
    booking: Annotated[
        str, Parameter(help="入账编号 / key of the booking, as reconciliation --json lists it")
    ],
    by: By,
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """认定一笔银行收款就是一笔入账 / Say that a receipt is a booking, where the program cannot tell."""
    from fundpool.services.payments.statements import match_by_person

    now = business_clock(as_of)
    cleared = open_month(policy_dir).database.transaction(
        lambda work: match_by_person(work, account, serial, booking, by=by, now=now)
    )
    _told({"account": account, "serial": serial, "booking": booking, "breaks_cleared": cleared}, as_json=json)
    return 0


def assign_break(
    break_id: int,
    *,
    owner: Annotated[str, Parameter(help="责任人 / who follows it up")],
    by: By,
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """指定差异的责任人 / Name who follows a break up."""
    from fundpool.services.payments.statements import assign

    now = business_clock(as_of)
    open_month(policy_dir).database.transaction(
        lambda work: assign(work, break_id, owner=owner, by=by, now=now)
    )
    _told({"id": break_id, "owner": owner}, as_json=json)
    return 0


def terms(*, json: Json = False) -> int:
    """限额与银行约定 / The ceilings of payments and what the bank promises about its keys."""
    settings = Settings()
    limits = settings.payment_limits
    promised = settings.gateway_terms
    if json:
        print_json(
            {
                "gateway": settings.gateway_kind,
                "limits": {
                    "per_payee_fen": limits.per_transfer_fen,
                    "per_batch_fen": limits.per_batch_fen,
                    "per_day_fen": limits.per_day_fen,
                },
                "terms": {
                    "key_retention_s": int(promised.key_retention.total_seconds()),
                    "resend_span_s": int(promised.resend_span.total_seconds()),
                    "settle_window_s": int(promised.settle_window.total_seconds()),
                    "max_network_delay_s": int(promised.max_network_delay.total_seconds()),
                    "lease_s": int(promised.lease.total_seconds()),
                    "held_after_s": int(promised.held_after.total_seconds()),
                    "statement_final_after_s": int(promised.statement_final_after.total_seconds()),
                    "statement_reread_s": int(promised.statement_reread.total_seconds()),
                    "can_close": promised.can_close,
                },
            }
        )
        return 0
    print_table(
        "限额 limits",
        ["项目", "元 yuan", "变量 variable"],
        [
            [what, "不限 none" if amount_fen is None else format_yuan(amount_fen), variable]
            for what, amount_fen, variable in (
                ("单笔 one transfer to a payee", limits.per_transfer_fen, "FUNDPOOL_LIMIT_PER_PAYEE_YUAN"),
                ("批次 one batch", limits.per_batch_fen, "FUNDPOOL_LIMIT_PER_BATCH_YUAN"),
                ("单日单险种 a fund's day", limits.per_day_fen, "FUNDPOOL_LIMIT_PER_DAY_YUAN"),
            )
        ],
    )
    print_table(
        f"银行约定 terms · {settings.gateway_kind}",
        ["项目", "值 value", "变量 variable"],
        [
            [
                "支付编号保存期 key retention",
                settings.gateway_key_retention,
                "FUNDPOOL_GATEWAY_KEY_RETENTION",
            ],
            ["同号重发期 same key may be sent again", str(promised.resend_span), "= 4/5 − delay"],
            ["受理等待 settle window", settings.gateway_settle_window, "FUNDPOOL_GATEWAY_SETTLE_WINDOW"],
            [
                "在途最长 network delay",
                settings.gateway_max_network_delay,
                "FUNDPOOL_GATEWAY_MAX_NETWORK_DELAY",
            ],
            ["发送占用 lease", settings.gateway_lease, "FUNDPOOL_GATEWAY_LEASE"],
            ["未决挂起 held after", settings.gateway_held_after, "FUNDPOOL_GATEWAY_HELD_AFTER"],
            [
                "对账单定稿 statement final after",
                settings.gateway_statement_final_after,
                "FUNDPOOL_GATEWAY_STATEMENT_FINAL_AFTER",
            ],
            [
                "定稿后再读 final statement read again",
                f"{promised.statement_reread.days}d",
                "FUNDPOOL_GATEWAY_STATEMENT_REREAD",
            ],
            [
                "可注销编号 can fence a key",
                "是 yes" if promised.can_close else "否 no",
                "FUNDPOOL_GATEWAY_CAN_CLOSE",
            ],
        ],
    )
    return 0


def _told(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        print_table("已登记 recorded", list(document), [list(document.values())])
