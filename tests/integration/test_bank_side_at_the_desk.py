"""The bank's side at the payment desk: accounts in twos, statement files, breaks followed up, recoveries signed."""

from pathlib import Path

import pytest

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.periods import Month
from fundpool.domain.rights import Role
from fundpool.domain.transfer import AccountStatus
from fundpool.services.payments.recovery import quarantine
from tests.accounts import enter
from tests.integration.desk_scene import CHECKER, FINANCE, MAKER, RELEASER, SECOND_MAKER, Desks
from tests.integration.month_scene import CityScene, account_no, at, play_to_payment

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

OCTOBER = Month(2026, 10)
COUNTY = "421303"
NEW = {
    "unit": COUNTY,
    "fund": "employee",
    "account_type": "county_expenditure",
    "account_no": "6222 0000 1111 2222",
    "account_name": "曾都区医保支出户",
    "bank_name": "农业银行",
}
LAYOUT = "bank: x\ncolumns: {date: 日期, serial: 流水, amount: 金额, side: 借贷}\n"


@pytest.fixture
def desks(transactions: SqlTransactions, tmp_path: Path) -> Desks:
    """Suizhou's October, paid."""
    scene = CityScene(transactions, tmp_path, "suizhou", OCTOBER, judges=False)
    play_to_payment(scene)
    return Desks(scene, at("2026-10-12 09:00"))


# ------------------------------------------------------------------------------------------- accounts


def accounts(desks: Desks, status: AccountStatus) -> list[tuple[str, str, str | None]]:
    found = desks.scene.ports.database.read(
        lambda work: work.accounts.find("suizhou", "employee", status=status)
    )
    return [(each.account_no, each.maker, each.checker) for each in found if each.unit == COUNTY]


def test_one_person_enters_an_account_and_another_approves_it(desks: Desks) -> None:
    maker, checker = desks.of(MAKER), desks.of(CHECKER)
    before = account_no(AccountType.COUNTY_EXPENDITURE, COUNTY, "employee")
    assert maker.send("/desk/accounts", "/desk/accounts", NEW).status_code == 303
    number = NEW["account_no"].replace(" ", "")
    assert accounts(desks, AccountStatus.PROPOSED) == [(number, MAKER, None)]
    assert accounts(desks, AccountStatus.APPROVED)[0][0] == before
    page = checker.see("/desk/accounts")
    assert number in page
    assert before in page.split('id="register"')[0]  # what it would replace
    assert not maker.form("/desk/accounts", "/approve").is_enabled
    assert not checker.form("/desk/accounts", "/desk/accounts").is_enabled
    assert checker.send("/desk/accounts", "/approve").status_code == 303
    assert accounts(desks, AccountStatus.APPROVED) == [(number, MAKER, CHECKER)]
    assert accounts(desks, AccountStatus.RETIRED)[0][0] == before
    assert "replaced" in checker.see("/desk/accounts")


def test_who_entered_an_account_does_not_approve_it(desks: Desks) -> None:
    desks.of(MAKER).send("/desk/accounts", "/desk/accounts", NEW)

    def to_checker(work) -> None:
        work.users.change(work.users.find(MAKER), role=Role.CHECKER)

    desks.scene.ports.database.transaction(to_checker)
    browser = desks.of(MAKER)
    form = browser.form("/desk/accounts", "/approve")
    assert not form.is_enabled
    assert browser.post(form).status_code == 409
    assert len(accounts(desks, AccountStatus.PROPOSED)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"account_no": "12345"},
        {"account_no": "62220000x1112222"},
        {"account_no": "６２２２００００１１１１"},
        {"account_type": "benefit_expense"},
        {"account_name": " "},
        {"unit": "331002"},
        {"fund": "gold"},
    ],
)
def test_an_account_that_no_bank_could_have_is_refused_and_keeps_what_was_typed(
    desks: Desks, wrong: dict[str, str]
) -> None:
    answer = desks.of(MAKER).send("/desk/accounts", "/desk/accounts", NEW | wrong)
    assert answer.status_code == 400
    assert NEW["bank_name"] in answer.text
    assert accounts(desks, AccountStatus.PROPOSED) == []


def test_no_other_citys_entry_is_approved(desks: Desks) -> None:
    desks.of(MAKER).send("/desk/accounts", "/desk/accounts", NEW)
    checker = desks.of(CHECKER)
    form = checker.form("/desk/accounts", "/approve")
    answer = checker.client.post(form.action.replace("city=suizhou", "city=taizhou"), data=form.hidden)
    assert answer.status_code == 400
    assert len(accounts(desks, AccountStatus.PROPOSED)) == 1


# ------------------------------------------------------------------------------------------- statement files


def send_statement(desks: Desks, who: str, rows: str, **fields: str):
    """Bring a bank's file of the fiscal account of 9 October."""
    browser = desks.of(who)
    form = browser.form("/desk/payments", "/payments/statement")
    fiscal = account_no(AccountType.FISCAL_ACCOUNT, "421300", "employee")
    data = {"account": fiscal, "from": "2026-10-09", "to": "2026-10-09"} | fields
    return browser.client.post(
        form.action,
        data=form.hidden | data,
        files={
            "file": ("对账单.csv", f"日期,流水,金额,借贷\n{rows}".encode()),
            "layout": ("bank.yaml", LAYOUT.encode()),
        },
    )


def breaks(desks: Desks):
    return desks.scene.ports.database.read(lambda work: work.breaks.find("suizhou"))


def test_a_statement_file_leads_to_a_break_that_is_followed_up_and_closed(desks: Desks) -> None:
    assert breaks(desks) == []
    assert send_statement(desks, MAKER, "2026-10-09,77,5.00,借\n").status_code == 303
    (found,) = breaks(desks)
    record = desks.scene.ports.database.read(
        lambda work: [each for each in work.audit.records() if each.action == "import_statement_file"]
    )[-1]
    assert record.actor == MAKER
    assert "对账单.csv" in record.detail
    page = desks.of(CHECKER).see("/desk/payments")
    assert page.index('id="breaks"') < page.index('id="finance"')

    checker = desks.of(CHECKER)
    assert checker.send("/desk/payments", f"/breaks/{found.id}/assign", {"owner": " "}).status_code == 400
    assert (
        checker.send("/desk/payments", f"/breaks/{found.id}/assign", {"owner": "吴查账"}).status_code == 303
    )
    assert breaks(desks)[0].owner == "吴查账"
    assert "吴查账" in checker.see("/desk/payments")
    closed = checker.send("/desk/payments", f"/breaks/{found.id}/resolve", {"reason": "手续费，已补记"})
    assert closed.status_code == 303
    assert breaks(desks) == []


@pytest.mark.parametrize(
    ("rows", "fields"),
    [
        ("2026-10-09,77,五元,借\n", {}),
        ("2026-10-08,77,5.00,借\n", {}),
        ("2026-10-09,77,5.00,借\n", {"to": "2026-10-08"}),
        ("2026-10-09,77,5.00,借\n", {"to": "gestern"}),
        ("2026-10-09,77,5.00,借\n", {"account": "331000employee"}),
    ],
)
def test_a_statement_that_cannot_be_matched_changes_nothing(
    desks: Desks, rows: str, fields: dict[str, str]
) -> None:
    answer = send_statement(desks, MAKER, rows, **fields)
    assert answer.status_code == 400
    assert answer.text.count('role="alert"') == 2  # on top, and beside the form
    assert breaks(desks) == []


def test_a_break_of_another_city_is_not_reached(desks: Desks) -> None:
    send_statement(desks, MAKER, "2026-10-09,77,5.00,借\n")
    (found,) = breaks(desks)
    checker = desks.of(CHECKER)
    form = checker.form("/desk/payments", f"/breaks/{found.id}/assign")
    abroad = form.action.replace("city=suizhou", "city=taizhou")
    assert checker.client.post(abroad, data=form.hidden | {"owner": "吴查账"}).status_code == 400
    assert breaks(desks)[0].owner is None


# ------------------------------------------------------------------------------------------- recovery


def test_two_people_confirm_a_recovery_from_final_statements(
    desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = desks.scene.ports
    ports.database.transaction(lambda work: quarantine(work, now=desks.now, terms=ports.gateway_terms))
    path, reason = "/employee/confirm-recovery", {"reason": "对账单已定稿"}
    page = desks.of(CHECKER).see("/desk/payments")
    assert page.index("Books put back from a backup") < page.index('id="finance"')
    assert not desks.of(SECOND_MAKER).form("/desk/payments", path).is_enabled
    assert (
        desks.of(CHECKER).send("/desk/payments", path, reason).status_code == 409
    )  # days without a statement
    monkeypatch.setattr("fundpool.services.payments.recovery.require_statements", lambda *_, **__: None)
    assert desks.of(CHECKER).send("/desk/payments", path, {"reason": ""}).status_code == 400
    checker = desks.of(CHECKER)
    assert checker.send("/desk/payments", path, reason).status_code == 303
    again = checker.form("/desk/payments", path)
    assert not again.is_enabled
    assert checker.post(again, reason).status_code == 409
    assert f"{CHECKER} has confirmed it" in desks.of(RELEASER).see("/desk/payments")
    assert desks.of(FINANCE).send("/desk/payments", path, reason).status_code == 303
    recovery = ports.database.read(lambda work: work.switches.recovery("suizhou", "employee"))
    assert (recovery.confirmed_by, recovery.second_by) == (CHECKER, FINANCE)
    assert recovery.finished_at == desks.now


def test_an_auditor_sees_the_forms_and_sends_none(desks: Desks) -> None:
    enter(desks.scene.ports.database, "齐稽核", Role.AUDITOR)
    assert send_statement(desks, "齐稽核", "2026-10-09,77,5.00,借\n").status_code == 403
    assert breaks(desks) == []
