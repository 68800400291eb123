"""``fundpool accounts``: the register of bank accounts, entered by one person, approved by another."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from fundpool.console.acting import acts, of_account_entry, of_account_file
from fundpool.console.options import Act, AnyCity, AnyFund, Options
from fundpool.console.output import Table, findings_in_words, pick
from fundpool.domain.rights import Right
from fundpool.services.ports.judging import finding_to_json

if TYPE_CHECKING:
    from fundpool.domain.findings import Finding
    from fundpool.domain.transfer import BankAccount

app = App(name="accounts")

_STATES = {"proposed": "待复核 / proposed", "approved": "已复核 / approved", "retired": "已停用 / retired"}


@app.command(name="list")
def list_accounts(*, city: AnyCity = None, fund: AnyFund = None, options: Options = Options()) -> int:
    """列出账户 / List every version of every registered account."""
    options.require_known(city, fund)
    return _show(options.read(lambda work: work.accounts.find(city, fund)), options)


@app.command(name="import")
@acts(Right.RECORD, of_account_file)
def import_accounts(
    file: Annotated[Path, Parameter(help="CSV 或 .xlsx 文件 / CSV or .xlsx file")], *, act: Act
) -> int:
    """由 CSV 录入账户，待复核：city、fund、unit、account_type、account_no、account_name、bank_name / Enter accounts from a CSV as proposals: city, fund, unit, account_type, account_no, account_name, bank_name.

    经另一人复核后方可付款、收款。 / They pay and are paid only once another person has approved them.
    """
    from fundpool.adapters.documents.record_files import read_accounts
    from fundpool.services.payments.bank_accounts import propose_account

    now, register = act.now, read_accounts(file)
    policies = act.ports().policies
    for proposal in register.rows:
        policies.require_known(proposal.city, proposal.fund, proposal.unit)
    entered = act.change(
        lambda work: [propose_account(work, each, act.by, now=now) for each in register.rows]
    )
    return _show(entered, act, register.findings)


@app.command
@acts(Right.APPROVE_ACCOUNT, of_account_entry)
def approve(
    account_id: Annotated[int | None, Parameter(help="登记号 / entry number")] = None,
    *,
    city: Annotated[str | None, Parameter(help="该统筹区全部待复核账户 / every proposal of the city")] = None,
    act: Act,
) -> int:
    """复核账户 / Approve one proposed account, or every proposal of a city, as another person than the maker."""
    from fundpool.services.payments.bank_accounts import approve_proposed

    act.require_known(city)
    return _show(act.change(approve_proposed, account_id, city, checker=act.by, now=act.now), act)


def _show(accounts: "Sequence[BankAccount]", options: Options, findings: "Sequence[Finding]" = ()) -> int:
    about = (
        "id city fund unit account_type version account_no account_name bank_name status maker checker "
        "usable_from"
    )
    columns = "id city fund unit account_type version account_no account_name status maker checker"
    return options.show(
        {
            "accounts": [pick(account, about) for account in accounts],
            "findings": [finding_to_json(finding) for finding in findings],
        },
        Table("账户登记簿 / bank accounts", accounts, columns, states=_STATES),
        *findings_in_words(findings),
    )
