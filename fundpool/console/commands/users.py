"""``fundpool users``: accounts of the people who work here, entered by an administrator of users."""

import json
import sys
from collections.abc import Sequence
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from fundpool.console.acting import noting_user_of_machine
from fundpool.console.language import choose, one_language, word
from fundpool.console.options import AnyCity, AnyCounty, Dated, Options
from fundpool.console.output import Columns, Table, minute, pick
from fundpool.domain.accounts import TOKEN_DAYS
from fundpool.domain.errors import InputError
from fundpool.domain.rights import Role

if TYPE_CHECKING:
    from fundpool.domain.accounts import Account, ApiToken
    from fundpool.services.users.rights_report import RightsReport

app = App(name="users")

_Name = Annotated[str, Parameter(help="姓名，也是登录名 / the person's name, by which they log in")]
_AnyBy = Annotated[
    str | None,
    Parameter(
        name="--by", help="安全管理员；首个账户不写 / administrator of users; none for the first account"
    ),
]
_Label = Annotated[
    str, Parameter(help="令牌名称：哪个程序使用 / what the token is called: which program holds it")
]
_PasswordFile = Annotated[
    Path | None,
    Parameter(
        help="口令文件，仅本人可读；缺省时询问，或自标准输入读一行 / file that only you can read; by default it is asked for, or "
        "read from standard input",
    ),
]


def first_user(*, is_sandbox: bool) -> str:
    """What to tell people of an installation without accounts."""
    command = "fundpool users add NAME --role sec_admin"
    if is_sandbox:
        return choose(
            f"沙盒尚无账户：人人可看页面，--by 可写任何姓名；登记账户后即须登录：{command}",
            f"no accounts: pages are open and --by takes any name until {command}",
        )
    return choose(f"尚无账户，登记前不能办理：{command}", f"no accounts: nobody may act until {command}")


@app.command
def add(
    name: _Name,
    *,
    role: Annotated[Role, Parameter(help="岗位 / the one post of the account: docs/people.md")],
    city: AnyCity = None,
    county: AnyCounty = None,
    password_file: _PasswordFile = None,
    by: _AnyBy = None,
    options: Dated = Dated(),
) -> int:
    """登记账户；首个须是安全管理员 / Enter an account; the first one is an administrator of users."""
    from fundpool.adapters.keys.passwords import Argon2Passwords
    from fundpool.services.users.accounts import NewAccount, add_account

    ports, now = options.open_month(), options.now
    wanted, password = NewAccount(name, role, city, county), _password(name, password_file)
    with noting_user_of_machine():
        account = add_account(ports, wanted, password, passwords=Argon2Passwords(), by=by, now=now)
    return _show([account], options)


@app.command(name="list")
def list_accounts(*, options: Options = Options()) -> int:
    """列出账户 / List every account."""
    return _show(options.read(lambda work: work.users.all()), options)


@app.command
def disable(name: _Name, *, by: _AnyBy = None, options: Dated = Dated()) -> int:
    """停用账户，其登录立即失效 / Disable an account; whoever is logged in with it is out at once."""
    from fundpool.services.users.accounts import disable_account

    now = options.now
    with noting_user_of_machine():
        disabled = options.change(disable_account, name, by=_named(by), now=now)
    return _show([disabled], options)


@app.command
def enable(name: _Name, *, by: _AnyBy = None, options: Dated = Dated()) -> int:
    """启用账户或解除锁定，口令不变 / Enable an account again, or end its lock-out; the password stays."""
    from fundpool.services.users.accounts import enable_account

    now = options.now
    with noting_user_of_machine():
        enabled = options.change(enable_account, name, by=_named(by), now=now)
    return _show([enabled], options)


@app.command
def report(*, options: Dated = Dated()) -> int:
    """权限日报：各账户的权限、昨日以来的变动、90 天未用的账户、被锁定的账户 / The daily report of rights: who has which, what changed since yesterday, accounts unused for 90 days, locked ones."""
    from fundpool.services.users.rights_report import rights_report

    now = options.now
    return _show_report(options.read(lambda work: rights_report(work, now)), options)


@app.command
def password(
    name: _Name, *, password_file: _PasswordFile = None, by: _AnyBy = None, options: Dated = Dated()
) -> int:
    """重设口令，并解除锁定 / Set another password; ends a lock-out, and every log-in of the account."""
    from fundpool.adapters.keys.passwords import Argon2Passwords
    from fundpool.services.users.accounts import set_password

    administrator, ports, now = _named(by), options.open_month(), options.now
    new = _password(name, password_file)
    with noting_user_of_machine():
        set_password(ports, name, new, passwords=Argon2Passwords(), by=administrator, now=now)
    return options.show({"name": name}, f"{name}: {choose('口令已重设', 'password set')}")


@app.command
def token(
    name: _Name,
    *,
    label: _Label,
    days: Annotated[int, Parameter(help="有效天数 / for how many days")] = TOKEN_DAYS,
    by: _AnyBy = None,
    options: Dated = Dated(),
) -> int:
    """为接口签发令牌，权限与账户相同；只显示这一次 / Issue a token of the API, with the account's rights; it is shown this once."""
    from fundpool.services.users.tokens import issue_token

    now = options.now
    with noting_user_of_machine():
        issued, text = options.change(issue_token, name, label, days=days, by=_named(by), now=now)
    until = minute(issued.expires_at)
    return options.show(
        {**_token(issued), "token": text},
        text,
        choose(
            f"账户“{issued.account}”，有效至 {until}；库中只存摘要，此后无法再看",
            f"of the account {issued.account}, until {until}; only its hash is kept: nobody can read it again",
        ),
    )


@app.command
def tokens(*, options: Dated = Dated()) -> int:
    """列出接口令牌及其状态 / List the tokens of the API, and whether they let anybody in."""
    now = options.now
    found, people = options.read(lambda work: (work.users.tokens(), work.users.all()))
    enabled = {account.name for account in people if account.is_enabled}
    rows = [{**_token(each), "is_valid": each.account in enabled and each.is_valid(now)} for each in found]
    return options.show(
        {"tokens": rows}, Table("令牌 / tokens", rows, "account label issued_by expires_at revoked_at")
    )


@app.command
def revoke(name: _Name, *, label: _Label, by: _AnyBy = None, options: Dated = Dated()) -> int:
    """撤销令牌，立即失效 / Revoke a token; it lets nobody in any more."""
    from fundpool.services.users.tokens import revoke_token

    now = options.now
    with noting_user_of_machine():
        revoked = options.change(revoke_token, name, label, by=_named(by), now=now)
    return options.show(_token(revoked), f"{revoked.account} {revoked.label}: {choose('已撤销', 'revoked')}")


def _token(token: "ApiToken") -> dict[str, Any]:
    return pick(token, "account label issued_at issued_by expires_at revoked_at")


def _named(by: str | None) -> str:
    if by is None:
        raise InputError("person_missing", "须写明经办人姓名", "a person must be named", remedy="--by NAME")
    return by


def _password(name: str, file: Path | None) -> str:
    """The new password, from the file, the terminal (twice) or standard input."""
    from fundpool.private_files import read_private

    if file is not None:
        content = read_private(file)
        typed = None if content is None else content.decode("utf-8", errors="replace")
    elif sys.stdin.isatty():
        typed = getpass(f"{name} {choose('口令', 'password')}: ")
        if typed != getpass(choose("再输一次：", "again: ")):
            raise InputError(
                "password_differs",
                "两次输入不一致",
                "the two are not alike",
                remedy="重新执行 / run it again",
            )
    else:
        typed = sys.stdin.readline().rstrip("\r\n")
    if not typed:
        raise InputError(
            "password_missing",
            "没有给出口令",
            "no password was given",
            remedy="--password-file FILE 或标准输入 / --password-file FILE, or standard input",
        )
    return typed


def _show(accounts: "Sequence[Account]", options: Options) -> int:
    about = "name role city county created_at created_by disabled_at locked_until"
    return options.show(
        {"users": [pick(account, about) for account in accounts]},
        Table("账户 / users", accounts, "name role city county created_by disabled_at"),
    )


_NOTES = {
    "is_disabled": "已停用 / disabled",
    "is_locked": "锁定 / locked",
    "is_unused": "90 天未用 / unused for 90 days",
}
"""What is to be seen of an account at a glance."""


def _show_report(report: "RightsReport", options: Options) -> int:
    from fundpool.console.dashboard.labels import ACTS
    from fundpool.services.users.accounts import SUBJECT

    about = "name role city county created_at created_by disabled_at locked_until"
    rows = [
        pick(each.account, about)
        | {
            "rights": [right.value for right in each.rights],
            "last_log_in": each.last_log_in,
            "is_disabled": not each.account.is_enabled,
            "is_locked": each.is_locked,
            "is_unused": each.is_unused,
        }
        for each in report.accounts
    ]
    changes = [
        pick(record, "number at actor action subject") | json.loads(record.detail)
        for record in report.changes
    ]
    accounts: Columns = {
        "名称 / name": "name",
        "岗位 / role": "role",
        "城市 / city": "city",
        "县区 / county": "county",
        "上次登录 / last log-in": lambda row: minute(row["last_log_in"]),
        "状态 / state": lambda row: " ".join(one_language(text) for key, text in _NOTES.items() if row[key]),
        "权限 / rights": lambda row: " ".join(row["rights"]),
    }
    return options.show(
        {"as_of": report.as_of, "since": report.since, "accounts": rows, "changes": changes},
        Table("权限 / rights", rows, accounts),
        Table(
            f"{minute(report.since)} 以来的变动 / changes since {minute(report.since)}",
            report.changes,
            {
                "时间 / at": lambda record: minute(record.at),
                "办理人 / actor": "actor",
                "事项 / action": lambda record: word(ACTS, record.action),
                "账户 / account": lambda record: record.subject.removeprefix(SUBJECT),
            },
        ),
    )
