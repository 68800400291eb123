"""The review desk and the payment desk over HTTP: what the services refuse, no page lets through."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.periods import Month
from fundpool.domain.review import CaseState
from fundpool.domain.rights import Role
from fundpool.domain.submission import DocumentKind
from fundpool.domain.transfer import Batch, BatchState, ObligationState
from fundpool.services.month.turns import turns
from fundpool.services.payments.batches import release_batch
from fundpool.services.ports.work import Work
from tests.accounts import PASSWORD, QuickPasswords
from tests.integration.desk_scene import (
    CHECKER,
    FINANCE,
    MAKER,
    RELEASER,
    SECOND_CHECKER,
    SECOND_MAKER,
    Browser,
    Desks,
)
from tests.integration.month_scene import CityScene, at
from tests.integration.test_bulk_acts import OCTOBER, WEIGHED, weighing

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

PLAN = "/desk/review/plan/421303"


@pytest.fixture
def desks(transactions: SqlTransactions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    """Suizhou's plans filed and judged; one county's has something to weigh."""
    monkeypatch.setattr("fundpool.console.dashboard.reading.Argon2Passwords", QuickPasswords)
    scene = CityScene(transactions, tmp_path, "suizhou", OCTOBER, judges=False)
    scene.ports = replace(scene.ports, judge_documents=weighing)
    for county in scene.counties:
        scene.submit(scene.plan(county), "plan", at("2026-09-09 10:00"))
    for step in ("plan-collection", "plan-review"):
        scene.run(step, at("2026-09-10 09:00"))
    return Desks(scene, at("2026-09-16 09:00"))


def states(desks: Desks) -> dict[tuple[str, str], CaseState]:
    cases = desks.scene.ports.database.read(
        lambda work: work.reviews.cases("suizhou", OCTOBER, DocumentKind.PLAN)
    )
    return {(case.county, case.fund): case.state for case in cases}


def batches_of(desks: Desks) -> Sequence[Batch]:
    return desks.scene.ports.database.read(lambda work: work.payments.batches("suizhou", OCTOBER))


# ------------------------------------------------------------------------------------------- review


def test_two_people_agree_to_a_plan(desks: Desks) -> None:
    maker, checker = desks.of(MAKER), desks.of(CHECKER)
    answer = maker.send(PLAN, "/propose", fund="employee", decision="agree")
    assert answer.status_code == 303
    assert states(desks)["421303", "employee"] is CaseState.PROPOSED
    assert "A second person confirms it" in maker.see(answer.headers["location"] + "&lang=en")
    assert checker.send(PLAN, "/confirm", fund="employee").status_code == 303
    assert states(desks)["421303", "employee"] is CaseState.APPROVED
    assert states(desks)["421303", "resident"] is CaseState.READY


def test_the_button_says_why_somebody_may_not_confirm(desks: Desks) -> None:
    desks.of(MAKER).send(PLAN, "/propose", fund="employee", decision="agree")
    # The maker was made a checker meanwhile: another right, the same person.
    give_role(desks, MAKER, Role.CHECKER)
    browser = desks.of(MAKER)
    assert "the confirmation needs another person" in browser.see(PLAN)
    form = browser.form(PLAN, "/confirm", fund="employee")
    assert not form.is_enabled
    answer = browser.post(form)
    assert answer.status_code == 409
    assert "the confirmation needs another person" in answer.text
    assert states(desks)["421303", "employee"] is CaseState.PROPOSED
    assert "has no right" in desks.of(SECOND_MAKER).see(PLAN)
    assert desks.of(CHECKER).form(PLAN, "/confirm", fund="employee").is_enabled


def give_role(desks: Desks, name: str, role: Role) -> None:
    """Another role for an account, which no command gives."""

    def change(work: Work) -> None:
        account = work.users.find(name)
        assert account is not None
        work.users.change(account, role=role)

    desks.scene.ports.database.transaction(change)


def test_a_cut_has_its_reason_and_the_page_keeps_the_error_beside_the_form(desks: Desks) -> None:
    maker = desks.of(MAKER)
    cut = {"amount": "1,000.00", "code": "other", "note": ""}
    refused = maker.send(PLAN, "/propose", cut, fund="employee", decision="cut")
    assert refused.status_code == 400
    assert '<details class="outcomes" open>' in refused.text
    assert states(desks)["421303", "employee"] is CaseState.READY
    assert (
        maker.send(PLAN, "/propose", cut | {"code": "whatever"}, fund="employee", decision="cut").status_code
        == 400
    )
    for amount in ("", "1e3", "-1", "999999999"):
        assert maker.send(
            PLAN,
            "/propose",
            cut | {"amount": amount, "code": "budget_exceeded"},
            fund="employee",
            decision="cut",
        ).status_code in {400, 409}
    assert states(desks)["421303", "employee"] is CaseState.READY
    done = maker.send(
        PLAN, "/propose", cut | {"code": "balance_unused", "note": "见附件"}, fund="employee", decision="cut"
    )
    assert done.status_code == 303
    desks.of(CHECKER).send(PLAN, "/confirm", fund="employee")
    (case,) = [
        each
        for each in desks.scene.ports.database.read(
            lambda work: work.reviews.cases("suizhou", OCTOBER, DocumentKind.PLAN)
        )
        if (each.county, each.fund) == ("421303", "employee")
    ]
    assert (case.state, case.approved_fen, case.reason) == (CaseState.CUT, 1_000_00, "账户余额未扣足：见附件")


def test_a_decision_is_about_what_the_page_showed(desks: Desks) -> None:
    maker, checker = desks.of(MAKER), desks.of(CHECKER)
    maker.send(PLAN, "/propose", fund="employee", decision="agree")
    opened = checker.form(PLAN, "/confirm", fund="employee")
    maker.send(
        PLAN,
        "/propose",
        {"amount": "1", "code": "unexplained", "note": ""},
        fund="employee",
        decision="cut",
    )
    assert checker.post(opened).status_code == 409
    assert states(desks)["421303", "employee"] is CaseState.PROPOSED
    # A newer version of the file voids the proposal, whatever page is still open.
    opened = checker.form(PLAN, "/confirm", fund="employee")
    desks.scene.submit(desks.scene.plan("421303", inpatient_fen=7_00), "plan", at("2026-09-16 10:00"))
    assert checker.post(opened).status_code == 409
    assert not checker.form(PLAN, "/confirm", fund="employee").is_enabled
    assert "version 2 has come in" in checker.see(PLAN)


def test_a_desk_stands_in_the_present_whatever_day_the_address_names(desks: Desks) -> None:
    desks.of(MAKER).send(PLAN, "/propose", fund="employee", decision="agree")
    page = desks.of(CHECKER).see(f"{PLAN}{desks.place}&as_of=2026-09-12&lang=en")
    assert "As of Wed 16 Sept 2026" in page
    assert 'name="as_of"' not in page
    assert "Awaiting the second person" in page


def test_all_clean_ones_at_once_and_no_other(desks: Desks) -> None:
    assert desks.of(MAKER).send("/desk/review", "/plan/agree-to-clean").status_code == 303
    proposed = {county for (county, _), state in states(desks).items() if state is CaseState.PROPOSED}
    assert proposed == set(desks.scene.counties) - {WEIGHED}
    assert desks.of(CHECKER).send("/desk/review", "/plan/confirm-all").status_code == 303
    assert {state for (county, _), state in states(desks).items() if county != WEIGHED} == {
        CaseState.APPROVED
    }


def test_a_plan_goes_back_with_a_reason(desks: Desks) -> None:
    maker = desks.of(MAKER)
    assert maker.send(PLAN, "/return", {"reason": " "}).status_code == 400
    assert maker.send(PLAN, "/return", {"reason": "分项有误"}).status_code == 303
    assert states(desks)["421303", "employee"] is CaseState.RETURNED
    assert "分项有误" in maker.see(PLAN)


def test_a_case_stands_beside_what_is_known_and_unknown_is_never_nil(desks: Desks) -> None:
    page = desks.of(MAKER).see(PLAN)
    assert "Left of the annual budget" in page
    assert "not known yet" in page  # no plan of the month before is kept here
    file = desks.of(MAKER).client.get(f"{PLAN}/versions/1{desks.place}")
    assert file.content[:2] == b"PK"
    assert file.headers["content-disposition"].startswith("attachment")
    assert desks.of(MAKER).client.get(f"{PLAN}/versions/9{desks.place}").status_code == 404


# ------------------------------------------------------------------------------------------- finance and payment


@pytest.fixture
def applied(desks: Desks) -> Desks:
    """Every plan decided, applied for on 20 September."""
    desks.scene.decide(at("2026-09-16 10:00"))
    desks.scene.run("funds-application", at("2026-09-20 09:00"))
    desks.at("2026-09-24 09:00")
    return desks


@pytest.fixture
def ordered(applied: Desks) -> Desks:
    """Reviewed by finance, the first hop ordered."""
    assert applied.of(FINANCE).send("/desk/payments", "/review").status_code == 303
    applied.scene.run("disbursement", at("2026-09-28 08:00"))
    applied.at("2026-09-28 09:00")
    return applied


@pytest.fixture
def approved(ordered: Desks) -> Desks:
    for batch in batches_of(ordered):
        path = f"/desk/payments/batches/{batch.id}"
        assert ordered.of(SECOND_CHECKER).send(path, "/approve").status_code == 303
    return ordered


def test_finance_reviews_line_by_line(applied: Desks) -> None:
    finance = applied.of(FINANCE)
    line = {"fund": "employee", "county": "421303"}
    cut = finance.send("/desk/payments", "/payments/review", {"amount": "5.00", "reason": ""}, **line)
    assert cut.status_code == 400
    assert "a cut needs its reason" in cut.text
    done = finance.send("/desk/payments", "/payments/review", {"amount": "5.00", "reason": "缓拨"}, **line)
    assert done.status_code == 303
    (reviewed,) = [
        each
        for application in applied.scene.ports.database.read(
            lambda work: work.applications.applications("suizhou", OCTOBER)
        )
        for each in application.lines
        if each.reviewed_fen is not None
    ]
    assert (reviewed.county, reviewed.reviewed_fen, reviewed.reviewed_by) == ("421303", 5_00, FINANCE)
    assert finance.send("/desk/payments", "/payments/review").status_code == 303
    assert "lines wait" not in finance.see("/desk/payments").split('id="finance"')[1].split('id="batches"')[0]


def test_a_batch_is_approved_as_it_was_shown(ordered: Desks) -> None:
    batch = batches_of(ordered)[0]
    path = f"/desk/payments/batches/{batch.id}"
    checker = ordered.of(SECOND_CHECKER)
    assert "Digest of payees" in checker.see(path)
    form = checker.form(path, "/approve")
    forged = replace(form, hidden=form.hidden | {"digest": "0" * 64})
    assert checker.post(forged).status_code == 409
    assert checker.post(replace(form, hidden=form.hidden | {"digest": ""})).status_code == 409
    assert batches_of(ordered)[0].state is BatchState.SUBMITTED
    assert not ordered.of(RELEASER).form(path, "/approve").is_enabled
    assert ordered.of(RELEASER).post(form).status_code == 403
    assert checker.post(form).status_code == 303
    assert batches_of(ordered)[0].checker == SECOND_CHECKER


def release(browser: Browser, batch: Batch, **changes: str) -> int:
    total = f"{batch.total_fen // 100}.{batch.total_fen % 100:02}"
    path = f"/desk/payments/batches/{batch.id}"
    form = browser.form(path, "/release")
    form = replace(form, hidden=form.hidden | {"total": total, "password": PASSWORD} | changes)
    return browser.post(form).status_code


def test_nothing_is_released_by_a_wrong_total_password_digest_or_person(approved: Desks) -> None:
    batch = batches_of(approved)[0]
    releaser = approved.of(RELEASER)
    assert release(releaser, batch, total="1.00") == 409
    assert release(releaser, batch, total="") == 400
    assert release(releaser, batch, digest="0" * 64) == 409
    assert release(releaser, batch, password="wrong wrong wrong") == 409
    path = f"/desk/payments/batches/{batch.id}"
    form = releaser.form(path, "/release")
    assert approved.of(SECOND_CHECKER).post(form).status_code == 403
    assert batches_of(approved)[0].state is BatchState.APPROVED
    assert approved.scene.executed_fen() == {}
    assert release(releaser, batch) == 303
    assert batches_of(approved)[0].state is BatchState.RELEASED


def test_five_wrong_passwords_lock_the_account(approved: Desks) -> None:
    batch = batches_of(approved)[0]
    releaser = approved.of(RELEASER)
    for _ in range(5):
        assert release(releaser, batch, password="wrong wrong wrong") == 409
    assert release(releaser, batch) == 409
    assert approved.scene.executed_fen() == {}


def test_a_form_sent_twice_pays_once(approved: Desks) -> None:
    batch = batches_of(approved)[0]
    releaser = approved.of(RELEASER)
    total = f"{batch.total_fen // 100}.{batch.total_fen % 100:02}"
    path = f"/desk/payments/batches/{batch.id}"
    form = releaser.form(path, "/release")
    form = replace(form, hidden=form.hidden | {"total": total, "password": PASSWORD})
    assert releaser.post(form).status_code == 303
    paid = approved.scene.executed_fen()
    assert sum(paid.values()) == batch.total_fen
    assert releaser.post(form).status_code == 303
    assert approved.scene.executed_fen() == paid


def test_a_supplementary_batch_beside_it_is_not_released_with_it(desks: Desks) -> None:
    first, *others = desks.scene.counties
    desks.scene.decide(at("2026-09-16 10:00"), *others)
    desks.scene.run("funds-application", at("2026-09-20 09:00"))
    desks.scene.decide(at("2026-09-21 10:00"), first)
    desks.scene.run("funds-application", at("2026-09-21 11:00"))
    desks.at("2026-09-24 09:00")
    desks.of(FINANCE).send("/desk/payments", "/review")
    desks.scene.run("disbursement", at("2026-09-28 08:00"))
    desks.at("2026-09-28 09:00")
    for batch in batches_of(desks):
        desks.of(SECOND_CHECKER).send(f"/desk/payments/batches/{batch.id}", "/approve")
    regular, supplementary = (batch for batch in batches_of(desks) if batch.fund == "employee")
    waiting = [
        turn for turn in turns(desks.scene.ports, ["suizhou"], now=desks.now) if turn.turn == "releaser"
    ]
    of_supplementary = [turn for turn in waiting if "追加" in turn.why_zh]
    total_fen = sum(each.total_fen for each in batches_of(desks) if each.application == 2)
    assert [turn.amount_fen for turn in of_supplementary] == [total_fen]
    assert [turn.due for turn in of_supplementary] == [
        None
    ]  # the text's day is that of the month's own payment
    assert [turn.due is not None for turn in waiting if turn not in of_supplementary] == [True]
    assert release(desks.of(RELEASER), supplementary) == 303
    assert sum(desks.scene.executed_fen().values()) == supplementary.total_fen
    states_now = {batch.id: batch.state for batch in batches_of(desks)}
    assert states_now[regular.id] is BatchState.APPROVED


def test_who_ordered_or_approved_may_not_release(approved: Desks) -> None:
    batch = batches_of(approved)[0]
    form = approved.of(RELEASER).form(f"/desk/payments/batches/{batch.id}", "/release")
    give_role(approved, SECOND_CHECKER, Role.RELEASER)
    browser = approved.of(SECOND_CHECKER)
    page = browser.see(f"/desk/payments/batches/{batch.id}")
    assert "releasing a batch needs another person" in page
    total = f"{batch.total_fen // 100}.{batch.total_fen % 100:02}"
    csrf = browser.form("/desk/payments", "/logout").hidden["csrf"]
    hidden = form.hidden | {"csrf": csrf, "total": total, "password": PASSWORD}
    assert browser.post(replace(form, hidden=hidden)).status_code == 409
    assert approved.scene.executed_fen() == {}


def test_an_unknown_payment_stands_first_and_is_asked_about(approved: Desks) -> None:
    approved.scene.gateway.plan.add("silence_after")
    batch = batches_of(approved)[0]
    releaser = approved.of(RELEASER)
    assert release(releaser, batch) == 303
    page = releaser.see("/desk/payments")
    assert page.index("Payments that need a person") < page.index('id="finance"')
    assert "Outcome unknown" in page
    (payment,) = approved.scene.ports.database.read(lambda work: work.payments.obligations(batch_id=batch.id))
    life = releaser.see(f"/desk/payments/orders/{payment.id}")
    for step in ("Ordered", "Batch approved", "Batch released", "Sending begun"):
        assert step in life
    assert "never paid anew" in life
    approved.at("2026-09-28 10:00")
    assert approved.of(RELEASER).send("/desk/payments", "/payments/resolve").status_code == 303
    (payment,) = approved.scene.ports.database.read(lambda work: work.payments.obligations(batch_id=batch.id))
    assert payment.state is ObligationState.SETTLED
    assert "Asked about" in approved.of(RELEASER).see(f"/desk/payments/orders/{payment.id}")


def test_a_payment_is_held_and_withdrawn_with_reasons_and_ordered_again(approved: Desks) -> None:
    ordered, (batch, *_) = approved, batches_of(approved)
    ordered.scene.ports.database.transaction(
        lambda work: release_batch(work, batch.id, RELEASER, now=ordered.now)
    )
    (payment,) = ordered.scene.ports.database.read(lambda work: work.payments.obligations(batch_id=batch.id))
    path = f"/desk/payments/orders/{payment.id}"
    checker = ordered.of(SECOND_CHECKER)
    assert checker.send(path, "/hold", {"reason": " "}).status_code == 400
    assert checker.send(path, "/hold", {"reason": "核对户名"}).status_code == 303
    assert "核对户名" in checker.see("/desk/payments").split('id="finance"')[0]
    assert not ordered.of(MAKER).form(path, "/cancel").is_enabled
    assert checker.send(path, "/cancel", {"reason": "户名有误"}).status_code == 303
    state = ordered.scene.ports.database.read(lambda work: work.payments.obligation(payment.id)).state
    assert state is ObligationState.CANCELLED
    assert ordered.of(SECOND_MAKER).send(path, "/order-again", {"reason": "已更正"}).status_code == 303


def test_two_people_start_a_stopped_fund(approved: Desks) -> None:
    checker, releaser = approved.of(SECOND_CHECKER), approved.of(RELEASER)
    assert checker.send("/desk/payments", "/employee/stop", {"reason": "演练"}).status_code == 303
    page = releaser.see("/desk/payments")
    assert "演练" in page
    assert page.index("Sending stopped") < page.index('id="finance"')
    batch = next(each for each in batches_of(approved) if each.fund == "employee")
    release(releaser, batch)
    assert approved.scene.executed_fen() == {}
    assert checker.send("/desk/payments", "/employee/restart").status_code == 303
    assert checker.send("/desk/payments", "/employee/restart").status_code == 409
    assert releaser.send("/desk/payments", "/employee/restart").status_code == 303
    assert "Sending stopped" not in releaser.see("/desk/payments")


def test_the_way_of_the_money_says_the_same_drawn_and_listed(approved: Desks) -> None:
    for batch in batches_of(approved):
        release(approved.of(RELEASER), batch)
    page = approved.of(RELEASER).see(f"/desk/payments/flow{approved.place}&fund=employee&lang=en")
    total = next(each for each in batches_of(approved) if each.fund == "employee").total_fen
    amount = f"{total / 100:,.2f}"
    drawn, listed = page.split("The same as a table")
    assert f"{amount}</text>" in drawn
    assert f">{amount}<" in listed


def test_no_other_citys_batch_payment_or_break_is_reached(approved: Desks) -> None:
    batch = batches_of(approved)[0]
    releaser = approved.of(RELEASER)
    abroad = f"?city=taizhou&month={Month(2026, 10)}"
    assert releaser.client.get(f"/desk/payments/batches/{batch.id}{abroad}").status_code == 404
    assert releaser.client.get(f"/desk/payments/orders/1{abroad}").status_code == 404
