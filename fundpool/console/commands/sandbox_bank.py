"""``fundpool sandbox-bank``: run the simulated bank, and play with the one that runs."""

import json as json_module
import secrets
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from cyclopts import App, Parameter

from fundpool.clock import business_clock
from fundpool.console.language import choose
from fundpool.console.options import Json
from fundpool.console.output import Table, findings_in_words, show
from fundpool.domain.errors import InputError, ServiceUnavailable
from fundpool.settings import Settings

if TYPE_CHECKING:
    from fundpool.adapters.documents.record_files import BankAccountRow
    from fundpool.sandbox_bank.bank_book import BankBook
    from fundpool.sandbox_bank.bank_file import BankFile

DEFAULT_PORT = 8640

FIRST_USE_BALANCE_FEN = 100_000_000_000
"""What an unknown payer is opened with when no accounts are given: 1,000,000,000.00 yuan."""

app = App(name="sandbox-bank")

_Url = Annotated[
    str | None,
    Parameter(
        help="模拟银行地址，缺省 FUNDPOOL_GATEWAY_URL / address of the running sandbox bank (default FUNDPOOL_GATEWAY_URL)"
    ),
]


_Book = Annotated[
    Path | None,
    Parameter(help="账簿文件，缺省 HOME/sandbox-bank.db / file of its book (default HOME/sandbox-bank.db)"),
]
_Accounts = Annotated[
    Path | None,
    Parameter(
        help="要开立的账户 CSV 或 .xlsx：account, name, balance_fen / CSV or .xlsx of accounts to open: account, name, balance_fen"
    ),
]


@app.default
def run(
    *,
    port: Annotated[int, Parameter(help="端口，0 为任选 / port, 0 picks a free one")] = DEFAULT_PORT,
    host: Annotated[str, Parameter(help="监听地址 / address to bind")] = "127.0.0.1",
    book: _Book = None,
    accounts: _Accounts = None,
    callback_url: Annotated[
        str | None, Parameter(help="状态变化通知地址 / where to announce changes")
    ] = None,
    as_of: Annotated[
        str | None,
        Parameter(
            help="固定银行时钟，缺省随请求的业务时间 / fix the bank's clock (default: the requests' business time)"
        ),
    ] = None,
    json: Json = False,
) -> int:
    """运行模拟银行，直至停止 / Run the sandbox bank until it is stopped.

    没有账户表时，账户在首次使用时开立：付款方余额 1,000,000,000.00 元。能应答时在标准输出首行打印地址。 / Without an accounts file, accounts open on first use: payers with 1,000,000,000.00 yuan.
    It prints its address as the first line on stdout once it answers.
    """
    from fundpool.sandbox_bank.bank_file import BankFile
    from fundpool.sandbox_bank.sandbox import SandboxBank, SandboxServer

    settings = Settings()
    listed = None if accounts is None else _listed(accounts)
    clock = None if as_of is None else business_clock(as_of)
    secret = _secret(settings)
    file = BankFile(book or settings.home / "sandbox-bank.db")
    opened = _opened(file, listed)
    bank = SandboxBank(
        opened,
        key_id=settings.gateway_key_id,
        secret=secret,
        callback_url=callback_url,
        fixed_now=clock,
    )
    try:
        server = SandboxServer(host, port, bank)
    except OSError as error:
        raise InputError(
            "sandbox_bank_port",
            f"端口不能使用：{host}:{port}（{error.strerror}）",
            f"cannot listen on {host}:{port}: {error.strerror}",
            remedy="--port 0",
        ) from error
    # In a thread: shutdown waits for serve_forever, which the thread of the signal runs.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    if json:
        print(json_module.dumps({"url": server.url}), flush=True)
    else:
        print(f"sandbox bank ready at {server.url}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    bank.stop()
    file.close()
    return 0


@app.command
def fault(
    name: Annotated[
        str | None, Parameter(help="故障名，不给则列出 / name of the fault; lists all without")
    ] = None,
    *,
    key: Annotated[str | None, Parameter(help="只对此业务键 / only for this transfer key")] = None,
    call: Annotated[
        str | None,
        Parameter(
            help="所遇调用：submit、query、close、statement、callback / which call it befalls: submit, query, close, statement, callback"
        ),
    ] = None,
    times: Annotated[int, Parameter(help="其后多少次调用 / for the next so many calls")] = 1,
    seconds: Annotated[
        int | None, Parameter(help="持续秒数，与时间有关的故障用 / how long, where it is about time")
    ] = None,
    clear: Annotated[bool, Parameter(help="全部关闭 / switch all off first", negative="")] = False,
    url: _Url = None,
    json: Json = False,
) -> int:
    """打开其后几次调用的故障：慢、拒绝、不应答等四十余种 / Switch a fault on for the next calls: slow, refused, unanswered and forty more."""
    if clear:
        ask(url, "DELETE", "/sandbox/faults")
    if name is None:
        document = ask(url, "GET", "/sandbox/faults")
    else:
        wanted = {"fault": name, "key": key, "call": call, "times": times, "seconds": seconds}
        document = ask(url, "POST", "/sandbox/faults", document=wanted)
    switched_on = [list(switch.values()) for switch in document["on"]]
    tables = [
        Table(
            "已开 / switched on",
            switched_on,
            ["故障 / fault", "调用 / call", "支付编号 / key", "次数 / times"],
        )
    ]
    if name is None:
        rows = [
            [known, choose(about["zh"], about["en"]), " ".join(about["calls"])]
            for known, about in document["alphabet"].items()
        ]
        tables.append(Table("故障表 / faults", rows, ["名称 / name", "说明 / meaning", "所遇调用 / calls"]))
    show(document, *tables, as_json=json)
    return 0


@app.command
def clock(
    now: Annotated[str | None, Parameter(help="银行时间，follow 为随请求 / time to set, or follow")] = None,
    *,
    url: _Url = None,
    json: Json = False,
) -> int:
    """查看或设定银行时钟；到期的事即发生 / Show or set the bank's clock; what is due by then happens."""
    if now is None:
        document = ask(url, "GET", "/sandbox/clock")
    else:
        moment = None if now == "follow" else business_clock(now).isoformat()
        document = ask(url, "POST", "/sandbox/clock", document={"now": moment})
    show(document, str(document["now"]), as_json=json)
    return 0


@app.command(name="book")
def show_book(*, url: _Url = None, json: Json = False) -> int:
    """银行账簿中的一切：付款的独立记录 / Show what the bank has in its book: the independent record of what was paid."""
    document = ask(url, "GET", "/sandbox/book")
    show(
        document,
        Table("账户 / accounts", document["accounts"], "account name balance_fen"),
        Table(
            "款项 / transfers",
            document["transfers"],
            "key amount_fen credit_account state reason bank_serial executed_at",
        ),
        as_json=json,
    )
    return 0


@app.command
def files(
    *,
    outbox: Annotated[
        Path | None,
        Parameter(
            help="取送银行文件（pain.001）的目录，缺省按设置 / folder of pain.001 (default of the settings)"
        ),
    ] = None,
    inbox: Annotated[
        Path | None,
        Parameter(help="放银行来文件的目录，缺省按设置 / folder for the answers (default of the settings)"),
    ] = None,
    statements: Annotated[
        str | None, Parameter(help="并出具该日对账单 YYYY-MM-DD / also write this day's statements")
    ] = None,
    book: _Book = None,
    accounts: _Accounts = None,
    as_of: Annotated[str | None, Parameter(help="银行时间 / the bank's time")] = None,
    json: Json = False,
) -> int:
    """作一次没有接口的银行：取走送银行的指令，答以 pain.002 与 camt.053 / Once be a bank without an API: take the orders of the outbox, answer with pain.002 and camt.053.

    不得同时运行模拟银行：两者会占用同一账簿。有文件不是指令时退出码 1。 / The bank must not be running: both would hold its book. Exit 1 when a file is no order.
    """
    from fundpool.sandbox_bank.bank_file import BankFile
    from fundpool.sandbox_bank.file_bank import FileBank

    settings, now = Settings(), business_clock(as_of)
    day = None if statements is None else business_clock(statements).date()
    listed = None if accounts is None else _listed(accounts)
    file = BankFile(book or settings.home / "sandbox-bank.db")
    bank = FileBank(
        _opened(file, listed), outbox or settings.resolved_outbox, inbox or settings.resolved_inbox
    )
    handled = bank.take_orders(now)
    written = () if day is None else bank.deliver_statements(day, now)
    file.close()
    show(
        {"orders": handled, "statements": written},
        Table("收到 / taken", handled, "name key status reason"),
        "\n".join(written),
        as_json=json,
    )
    return 1 if any(each.key is None for each in handled) else 0


def _listed(file: Path) -> "list[BankAccountRow]":
    """The accounts of a file; what was read otherwise than it is written is said on stderr. Raises InputError."""
    from fundpool.adapters.documents.record_files import read_bank_accounts

    register = read_bank_accounts(file)
    for line in findings_in_words(register.findings):
        print(line, file=sys.stderr)
    return register.rows


def _opened(file: "BankFile", accounts: "list[BankAccountRow] | None") -> "BankBook":
    """The book of the file with the listed accounts; without a list accounts open on first use."""
    book = file.open_book()
    book.open_on_first_use(FIRST_USE_BALANCE_FEN if accounts is None else None)
    for account, name, balance_fen in accounts or ():
        book.open_account(account, name, balance_fen)
    return book


def ask(url: str | None, method: str, path: str, *, document: Mapping[str, Any] | None = None) -> Any:
    """Call the control side (faults, clock, book) of a running sandbox bank.

    Raises ServiceUnavailable when none answers and InputError when it refuses.
    """
    from fundpool.adapters.http_client import NoResponse, exchange

    base = url or Settings().gateway_url or f"http://127.0.0.1:{DEFAULT_PORT}"
    bank = urlsplit(base)._replace(path=path, query="").geturl()
    body = b"" if document is None else json_module.dumps(document).encode()
    try:
        response = exchange(method, bank, body=body, headers={"Content-Type": "application/json"})
        answer = json_module.loads(response.body)
    except (NoResponse, ValueError) as error:
        raise ServiceUnavailable(
            "sandbox_bank_unreachable",
            f"模拟银行没有应答：{base}",
            f"no sandbox bank answers at {base}",
            remedy="fundpool sandbox-bank",
        ) from error
    if response.status != 200:
        detail = answer.get("detail") or answer.get("error")
        raise InputError(
            "sandbox_bank_refused",
            f"模拟银行不接受：{detail}",
            f"the sandbox bank refuses: {detail}",
            remedy="fundpool sandbox-bank fault --help",
        )
    return answer


def _secret(settings: Settings) -> bytes:
    """The shared secret; a new one is written for the product to find when there is none."""
    from fundpool.adapters.keys.signature import secret_file, shared_secret

    file = secret_file(settings)
    if settings.gateway_secret is None and not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
        print(choose(f"签名密钥写入 {file}", f"signing secret written to {file}"), file=sys.stderr)
    return shared_secret(settings)
