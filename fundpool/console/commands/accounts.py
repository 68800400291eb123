"""``fundpool accounts``: the register of bank accounts, entered by one person, approved by another."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from fundpool.clock import business_clock
from fundpool.console.options import PolicyDir, open_month
from fundpool.console.output import print_json, print_table
from fundpool.domain.periods import SHANGHAI

if TYPE_CHECKING:
    from fundpool.domain.transfer import BankAccount

app = App(name="accounts", help="账户登记簿 / The register of bank accounts.", result_action="return_value")

_By = Annotated[str, Parameter(help="经办人 / who does it")]
_AsOf = Annotated[str | None, Parameter(help="业务时间 / business time of the act")]


@app.command(name="list")
def list_accounts(
    *,
    city: Annotated[str | None, Parameter(help="统筹区 / city key")] = None,
    fund: Annotated[str | None, Parameter(help="险种基金 / fund key")] = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """List every version of every registered account."""
    found = open_month(policy_dir).database.read(lambda work: work.accounts.find(city, fund))
    _show(found, as_json=json)
    return 0


@app.command(name="import")
def import_accounts(
    file: Path, *, by: _By, as_of: _AsOf = None, policy_dir: PolicyDir = None, json: bool = False
) -> int:
    """Enter accounts from a CSV as proposals: city, fund, unit, account_type, account_no, account_name, bank_name.

    They pay and are paid only once another person has approved them.
    """
    from fundpool.console.commands.ledger import read_rows, unreadable_row
    from fundpool.domain.chart_of_accounts import AccountType
    from fundpool.services.payments.bank_accounts import propose_account
    from fundpool.services.ports.money_ports import AccountProposal

    now = business_clock(as_of)
    proposals = []
    for number, row in enumerate(read_rows(file), start=2):
        try:
            proposals.append(
                AccountProposal(
                    city=row["city"],
                    fund=row["fund"],
                    unit=row["unit"],
                    account_type=AccountType(row["account_type"]),
                    account_no=row["account_no"],
                    account_name=row["account_name"],
                    bank_name=row["bank_name"],
                )
            )
        except (KeyError, ValueError) as error:
            raise unreadable_row(file, number, error) from error
    entered = open_month(policy_dir).database.transaction(
        lambda work: [propose_account(work, proposal, by, now) for proposal in proposals]
    )
    _show(entered, as_json=json)
    return 0


@app.command
def approve(
    account_id: Annotated[int | None, Parameter(help="登记号 / entry number")] = None,
    *,
    city: Annotated[str | None, Parameter(help="该统筹区全部待复核账户 / every proposal of the city")] = None,
    by: _By,
    as_of: _AsOf = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Approve one proposed account, or every proposal of a city, as another person than the maker."""
    from fundpool.domain.errors import InputError
    from fundpool.domain.transfer import AccountStatus
    from fundpool.services.payments.bank_accounts import approve_account
    from fundpool.services.ports.work import Work

    if account_id is None and city is None:
        raise InputError(
            "account_not_named",
            "须给出登记号或统筹区",
            "name an entry or a city",
            remedy="fundpool accounts approve 12 --by 姓名 / --city taizhou",
        )
    now = business_clock(as_of)

    def act(work: Work) -> "list[BankAccount]":
        ids = (
            [account_id]
            if account_id is not None
            else [each.id for each in work.accounts.find(city, status=AccountStatus.PROPOSED)]
        )
        return [approve_account(work, each, by, now) for each in ids]

    _show(open_month(policy_dir).database.transaction(act), as_json=json)
    return 0


def _show(accounts: "list[BankAccount]", *, as_json: bool) -> None:
    if as_json:
        print_json({"accounts": [_document(each) for each in accounts]})
        return
    print_table(
        "账户登记簿 / bank accounts",
        ["id", "city", "fund", "unit", "type", "version", "account_no", "name", "status", "maker", "checker"],
        [
            [
                each.id,
                each.city,
                each.fund,
                each.unit,
                each.account_type,
                each.version,
                each.account_no,
                each.account_name,
                each.status,
                each.maker,
                each.checker,
            ]
            for each in accounts
        ],
    )


def _document(account: "BankAccount") -> dict[str, Any]:
    return {
        "id": account.id,
        "city": account.city,
        "fund": account.fund,
        "unit": account.unit,
        "account_type": account.account_type.value,
        "version": account.version,
        "account_no": account.account_no,
        "account_name": account.account_name,
        "bank_name": account.bank_name,
        "status": account.status.value,
        "maker": account.maker,
        "checker": account.checker,
        "usable_from": account.usable_from.astimezone(SHANGHAI).isoformat() if account.usable_from else None,
    }
