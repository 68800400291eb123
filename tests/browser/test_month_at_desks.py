"""Taizhou's October done wholly at browsers by accounts of all seven roles ends as the same month done by commands.

What is set up before: the first administrator, the year's budget and what the accounts held. From there on nothing
is done but what a page offers.
"""

import csv
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

import pytest
from playwright.sync_api import Browser, Locator, Page

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.console.cli import main
from fundpool.console.dashboard.app import DashboardOptions, create_app
from fundpool.console.dashboard.reading import MonthReader
from fundpool.console.dashboard.server import serving_in_background
from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.periods import Month
from fundpool.domain.rights import Role
from fundpool.domain.transfer import BatchState
from fundpool.services.books.ledger_checks import verify
from fundpool.services.ports.money_ports import AccountProposal
from tests.accounts import PASSWORD, QuickPasswords, enter
from tests.browser.pictures import picture
from tests.canary import SEAL_KEY
from tests.integration.month_digest import month_digest
from tests.integration.month_scene import CityScene, at
from tests.sandbox import set_up_sandbox
from tests.seals import SEALS

pytestmark = pytest.mark.browser
OCTOBER = Month(2026, 10)
SHOTS = Path(folder) if (folder := os.environ.get("FUNDPOOL_TEST_PICTURES")) else None
PLACE = f"?city=taizhou&month={OCTOBER}"

USERS, MACHINE, AUDITOR = "张安全", "郑系统", "齐稽核"
MAKER, CHECKER, RELEASER = "王初审", "李复核", "孙放行"
OFFICE = {
    MAKER: (Role.MAKER, "taizhou"),
    CHECKER: (Role.CHECKER, "taizhou"),
    RELEASER: (Role.RELEASER, "taizhou"),
    AUDITOR: (Role.AUDITOR, "taizhou"),
    MACHINE: (Role.SYS_ADMIN, ""),
}
"""Who the administrator enters beside the counties' clerks."""

CORRECTED, CUT, CUT_BY_FINANCE = "331002", "331004", "331081"
"""The county whose first plan goes back; those of whose employees' money the agency and finance cut CUT_FEN."""
CUT_FEN = 500_00


class Taizhou(CityScene):
    """The city with budget and openings recorded, and its accounts still on paper."""

    names: ClassVar = {
        "accounts_clerk": MAKER,
        "accounts_checker": CHECKER,
        "maker": MAKER,
        "checker": CHECKER,
        "finance": RELEASER,
        "approver": CHECKER,
        "releaser": RELEASER,
    }

    def found(self, without_account: tuple[str, ...] = ()) -> None:
        self.proposals: list[AccountProposal] = []
        super().found(without_account)

    def register_accounts(self, *places: tuple[AccountType, str]) -> None:
        """Keep the accounts for whoever enters them."""
        for kind, unit in places:
            for place, fund in enumerate(self.funds):
                number = f"{list(AccountType).index(kind):02}{unit}{place}"
                name = f"{unit}{kind}"
                self.proposals.append(AccountProposal("taizhou", fund, unit, kind, number, name, "农业银行"))

    @property
    def digest(self) -> str:
        """Of the month as it stands."""
        return self.ports.database.read(lambda work: month_digest(work, "taizhou", OCTOBER))

    def clerk_of(self, county: str) -> str:
        return f"{self._county_name(county)}经办"


def everybody(scene: Taizhou) -> dict[str, tuple[Role, str]]:
    """Role and place of everybody but the first administrator."""
    clerks = {scene.clerk_of(county): (Role.COUNTY_SUBMIT, f"taizhou/{county}") for county in scene.counties}
    return OFFICE | clerks


@dataclass(frozen=True)
class Files:
    """What the counties file, the same bytes in both months."""

    wrong: Path
    plans: dict[str, Path]
    reports: dict[str, Path]


def files_of(scene: Taizhou) -> Files:
    wrong = scene.plan(CORRECTED, inpatient_fen="一千元")  # type: ignore[arg-type]
    wrong = wrong.rename(wrong.with_name("wrong.xlsx"))
    less = {}
    for county in (CUT, CUT_BY_FINANCE):
        spent = scene.place(county) * 1_000_00 - CUT_FEN
        received = scene.requested_fen(county, "employee") - CUT_FEN
        less[county] = {"inpatient_fen": spent, "year_inpatient_fen": spent, "received_fen": received}
    return Files(
        wrong,
        {county: scene.plan(county) for county in scene.counties},
        {county: scene.report(county, **less.get(county, {})) for county in scene.counties},
    )


def taizhou(folder: Path) -> Taizhou:
    folder.mkdir()
    database = Database(f"sqlite:///{folder / 'fundpool.db'}")
    set_up_sandbox(database)
    return Taizhou(SqlTransactions(database, SEALS), folder, "taizhou", OCTOBER)


class Commands:
    """The commands in this process, as people of the city type them; the bank is in this process too."""

    def __init__(self, scene: Taizhou, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FUNDPOOL_HOME", str(scene.folder))
        monkeypatch.setenv("FUNDPOOL_SEAL_KEY", SEAL_KEY)
        monkeypatch.setenv("FUNDPOOL_GATEWAY_URL", "http://127.0.0.1:9")
        monkeypatch.setattr("fundpool.bootstrap.LazyGateway", lambda _settings: scene.gateway)
        enter(scene.ports.database, USERS, Role.SEC_ADMIN)
        for name, (role, place) in everybody(scene).items():
            city, _, county = place.partition("/")
            enter(scene.ports.database, name, role, city or None, county or None)

    def run(self, moment: str, who: str, *words: str | Path, status: int = 0) -> None:
        """A command that ends so."""
        as_of = ["--as-of", moment.replace(" ", "T")]
        assert main([*map(str, words), "--by", who, *as_of]) == status, words

    def month(self, moment: str, who: str, *words: str, status: int = 0) -> None:
        """A command about the month."""
        self.run(moment, who, *words, "--city", "taizhou", "--month", str(OCTOBER), status=status)


def by_commands(scene: Taizhou, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """The month by the commands of the same people at the same moments."""
    type_ = Commands(scene, monkeypatch)
    register = scene.folder / "accounts.csv"
    with register.open("w", encoding="utf-8", newline="") as file_:
        columns = ["city", "fund", "unit", "account_type", "account_no", "account_name", "bank_name"]
        writer = csv.DictWriter(file_, columns)
        writer.writeheader()
        writer.writerows(asdict(account) for account in scene.proposals)
    type_.run("2026-09-02 09:00", MAKER, "accounts", "import", register)
    type_.run("2026-09-02 09:00", CHECKER, "accounts", "approve", "--city", "taizhou")

    def submit(moment: str, county: str, document: str, file_: Path) -> None:
        words = ("submit", file_, "--document", document, "--county", county)
        type_.month(moment, scene.clerk_of(county), *map(str, words))

    submit("2026-09-22 09:00", CORRECTED, "plan", files.wrong)
    type_.month("2026-09-22 09:00", MAKER, "run", "plan-collection", status=1)
    for county, plan in files.plans.items():
        submit("2026-09-24 15:00", county, "plan", plan)
    type_.month("2026-09-27 09:00", MAKER, "month", "open")
    moment, less = "2026-09-28 10:00", yuan(scene.requested_fen(CUT, "employee") - CUT_FEN)
    why = ("--reason", "核减")
    type_.month(moment, MAKER, "review", "cut", "--county", CUT, "--fund", "employee", "--amount", less, *why)
    type_.month(moment, MAKER, "review", "approve", "--county", CUT, "--fund", "resident")
    others = ",".join(county for county in scene.counties if county != CUT)
    type_.month(moment, MAKER, "review", "approve", "--county", others)
    type_.month(moment, CHECKER, "review", "confirm")
    type_.month("2026-09-29 09:00", MAKER, "run", "funds-application")
    moment, less = "2026-09-30 10:00", yuan(scene.requested_fen(CUT_BY_FINANCE, "employee") - CUT_FEN)
    line = ("--county", CUT_BY_FINANCE, "--fund", "employee", "--amount", less)
    type_.month(moment, RELEASER, "application", "review", *line, *why)
    type_.month(moment, RELEASER, "application", "review")
    for step, day in (("disbursement", "2026-09-30"), ("allocation", "2026-10-09")):
        type_.month(f"{day} 11:00", MAKER, "run", step)
        type_.month(f"{day} 11:30", CHECKER, "transfers", "approve")
        type_.month(f"{day} 11:30", RELEASER, "transfers", "release", "--send")
    for county, report in files.reports.items():
        submit("2026-11-10 10:00", county, "report", report)
    type_.month("2026-11-12 09:00", MAKER, "month", "close")


@dataclass
class Offices:
    """A browser at which people log in one after the other; no script runs in it."""

    scene: Taizhou
    page: Page
    now: datetime
    url: str = ""
    who: str = ""

    def on(self, moment: str) -> None:
        """Go on to the moment; everybody logs in anew."""
        self.now, self.who = at(moment), ""

    def of(self, name: str, path: str, *, width: int = 1280, lang: str = "zh") -> Page:
        """The page before somebody who is logged in."""
        page = self.page
        page.set_viewport_size({"width": width, "height": 900})
        if name != self.who:
            page.context.clear_cookies()
        page.goto(f"{self.url}{path}{'&' if '?' in path else PLACE + '&'}lang={lang}")
        if name != self.who:
            page.fill("[name=name]", name)
            page.fill("[name=password]", PASSWORD)
            send(page.locator("main button[type=submit]"))
            self.who = name
        assert not page.url.startswith(f"{self.url}/login"), name
        return page


def send(button: Locator) -> Page:
    """Send a form and wait for the page it leads to."""
    page = button.page
    with page.expect_navigation():
        button.click()
    page.wait_for_selector("h1")
    return page


def done(button: Locator) -> str:
    """Send a form that does something; the word for what was done."""
    page = send(button)
    assert page.locator("[role=status]").count(), page.inner_text("main")[:600]
    return page.locator("[role=status]").first.inner_text()


@pytest.fixture
def offices(tmp_path: Path, chromium: Browser, monkeypatch: pytest.MonkeyPatch) -> Iterator[Offices]:
    """Taizhou set up and served: nobody but the first administrator is known."""
    for module in ("reading", "desks.users"):
        monkeypatch.setattr(f"fundpool.console.dashboard.{module}.Argon2Passwords", QuickPasswords)
    scene = taizhou(tmp_path / "desks")
    enter(scene.ports.database, USERS, Role.SEC_ADMIN)
    page = chromium.new_context(java_script_enabled=False).new_page()
    offices = Offices(scene, page, at("2026-09-01 09:00"))
    options = DashboardOptions(time_of_day=lambda: offices.now, only_known_then=True)
    app = create_app(MonthReader(scene.ports), lambda: offices.now, options)
    with serving_in_background(app, "127.0.0.1", 0) as address:
        offices.url = address.rstrip("/")
        yield offices
    page.context.close()


def shoot(page: Page, name: str) -> None:
    """Keep a picture, where somebody looks at them."""
    if SHOTS is not None:
        page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def test_a_month_at_desks_ends_as_the_month_by_commands(
    offices: Offices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, files = offices.scene, files_of(offices.scene)
    enter_accounts_of_people(offices)
    enter_bank_accounts(offices)
    file_plans(offices, files)
    review(offices)
    review_by_finance(offices)
    for step, day in (("disbursement", "2026-09-30"), ("allocation", "2026-10-09")):
        offices.on(f"{day} 11:00")
        run_step(offices, MAKER, step)
        offices.on(f"{day} 11:30")
        let_out(offices)
    look_at_what_was_paid(offices)
    offices.on("2026-11-10 10:00")
    for county, report in files.reports.items():
        assert "回执" in file(offices, county, "report", report)
    offices.on("2026-11-12 09:00")
    page = offices.of(MAKER, "/desk/operating")
    assert "本月已结账" in done(page.locator("form[action*='/desk/operating/close'] button"))
    take_a_paper(offices, tmp_path)
    look_round(offices)

    commands = taizhou(tmp_path / "commands")
    by_commands(commands, files, monkeypatch)
    assert scene.digest == commands.digest
    assert scene.executed_fen() == commands.executed_fen()
    for each in (scene, commands):
        assert each.ports.database.read(verify) == []


def enter_accounts_of_people(offices: Offices) -> None:
    """The administrator enters everybody; it is the only account that was there."""
    people = everybody(offices.scene)
    page = offices.of(USERS, "/users")
    for name, (role, place) in people.items():
        form = page.locator("form[action='/users/add']")
        form.locator("[name=name]").fill(name)
        form.locator("[name=role]").select_option(role.value)
        form.locator("[name=place]").select_option(place)
        form.locator("[name=password]").fill(PASSWORD)
        done(form.locator("button"))
    assert page.locator("section:has(#accounts) tbody tr").count() == 1 + len(people)


def enter_bank_accounts(offices: Offices) -> None:
    """The maker enters every account, the checker approves each."""
    offices.on("2026-09-02 09:00")
    page = offices.of(MAKER, "/desk/accounts")
    for account in offices.scene.proposals:
        form = page.locator("section:has(#enter) form")
        for name in ("unit", "fund", "account_type"):
            form.locator(f"[name={name}]").select_option(getattr(account, name))
        for name in ("account_no", "account_name", "bank_name"):
            form.locator(f"[name={name}]").fill(getattr(account, name))
        done(form.locator("button"))
    page = offices.of(CHECKER, "/desk/accounts")
    while (buttons := page.locator("section:has(#waiting) form button")).count():
        done(buttons.first)
    assert page.locator("section:has(#register) tbody tr").count() == len(offices.scene.proposals)


def file(offices: Offices, county: str, document: str, path: Path) -> str:
    """The county's clerk files at the county's desk; what the card says."""
    page = offices.of(offices.scene.clerk_of(county), "/desk/county")
    card = page.locator(f"[id='{document}:{OCTOBER}']")
    if not card.locator("input[type=file]").first.is_visible():
        card.locator("details:has(input[type=file]) > summary").first.click()
    card.locator("input[type=file]").first.set_input_files(str(path))
    send(card.locator(".upload button").first)
    return card.inner_text()


def file_plans(offices: Offices, files: Files) -> None:
    """Every county files its plan; one files a wrong one first."""
    offices.on("2026-09-22 09:00")
    assert "已退回" in file(offices, CORRECTED, "plan", files.wrong)
    offices.on("2026-09-24 15:00")
    for county, plan in files.plans.items():
        assert "回执" in file(offices, county, "plan", plan)


def review(offices: Offices) -> None:
    """The maker opens the month, agrees and cuts; the checker confirms."""
    offices.on("2026-09-27 09:00")
    page = offices.of(MAKER, "/desk/operating")
    done(page.locator("form[action*='/desk/operating/open'] button"))
    offices.on("2026-09-28 10:00")
    picture(offices.of(MAKER, "/desk/review"), "review")
    picture(offices.of(MAKER, "/tasks"), "tasks")
    for lang in ("zh", "en"):
        for path in ("/desk/review", f"/desk/review/plan/{CUT}", "/desk/payments", "/desk/payments/flow"):
            fits_a_phone(offices, path, lang)
    page = offices.of(MAKER, f"/desk/review/plan/{CUT}")
    picture(page, "case")
    form = page.locator("form:has([value=cut-employee])")
    page.locator("details:has([value=cut-employee]) > summary").click()
    requested = offices.scene.requested_fen(CUT, "employee")
    form.locator("[name=amount]").fill(yuan(requested - CUT_FEN))
    form.locator("[name=note]").fill("核减")
    done(form.locator("button"))
    page = offices.of(MAKER, "/desk/review")
    assert "由另一人复核" in done(page.locator("text=全部按申请额同意"))
    assert page.locator("#ready, #findings").count() == 0
    page = offices.of(CHECKER, "/desk/review")
    picture(page, "review-second")
    done(page.locator("text=全部确认"))
    shoot(page, "review-decided")
    assert page.locator("#proposed").count() == 0


def fits_a_phone(offices: Offices, path: str, lang: str) -> None:
    page = offices.of(MAKER, path, width=390, lang=lang)
    shoot(page, f"phone-{lang}-{path.count('/')}{path.rsplit('/', 1)[1]}")
    widths = page.locator("main, header, footer").evaluate_all("parts => parts.map(part => part.scrollWidth)")
    assert max(widths) <= 390, path


def yuan(amount_fen: int) -> str:
    return f"{amount_fen // 100}.{amount_fen % 100:02}"


def review_by_finance(offices: Offices) -> None:
    """The maker applies for the funds; finance cuts one line and takes the others."""
    offices.on("2026-09-29 09:00")
    run_step(offices, MAKER, "funds-application")
    offices.on("2026-09-30 10:00")
    page = offices.of(RELEASER, "/desk/payments")
    picture(page, "finance")
    shoot(offices.of(RELEASER, "/desk/payments", width=390), "finance-phone")
    page = offices.of(RELEASER, "/desk/payments", lang="en")
    line = page.locator(f"form:has([value=employee-{CUT_BY_FINANCE}])")
    requested = offices.scene.requested_fen(CUT_BY_FINANCE, "employee")
    line.locator("[name=amount]").fill(yuan(requested - CUT_FEN))
    line.locator("[name=reason]").fill("核减")
    done(line.locator("button"))
    done(page.locator("text=Review all of them as applied for"))


def run_step(offices: Offices, name: str, step: str) -> str:
    """Run a step on the operating page after a look at what it would do."""
    page = offices.of(name, "/desk/operating")
    if not page.locator(f"#{step} form button").first.is_visible():
        page.click(f"#{step} > summary")
    send(page.locator(f"#{step} form button").first)
    return done(page.locator("form[action*='/desk/operating/run'] button"))


def let_out(offices: Offices) -> None:
    """Every batch that waits is approved by one person and released by another, who types its total."""
    for name, text in ((CHECKER, "复核"), (RELEASER, "放行")):
        page = offices.of(name, "/desk/payments")
        while (buttons := page.locator("#batches ~ .scroll a.button", has_text=text)).count():
            send(buttons.first)
            picture(page, "batch-release" if text == "放行" else "batch-approve")
            if text == "放行":
                page.fill("[name=total]", page.locator("tfoot .strong").inner_text())
                page.fill("[name=password]", PASSWORD)
            done(page.locator("main form.act button:not([disabled])"))
            if text == "放行":
                send(page.locator("tbody a").first)
                page.wait_for_selector("#life")
                picture(page, "order")
            send(page.locator("main .up"))
            page.goto(f"{offices.url}/desk/payments{PLACE}&lang=zh")


def look_at_what_was_paid(offices: Offices) -> None:
    """The releaser sees that all has arrived."""
    scene = offices.scene
    page = offices.of(RELEASER, "/desk/payments")
    picture(page, "payments-done")
    shoot(offices.of(RELEASER, "/desk/payments", width=390), "payments-phone")
    page = offices.of(RELEASER, "/desk/payments")
    send(page.locator("text=资金走向"))
    page.wait_for_selector("svg.sankey")
    picture(page, "flow")
    assert page.locator("svg.sankey rect").count() == 2 + len(scene.counties)
    assert page.locator("svg.sankey path.open").count() == 0
    batches = scene.ports.database.read(lambda work: work.payments.batches("taizhou", OCTOBER))
    assert {batch.state for batch in batches} == {BatchState.RELEASED}
    assert sum(scene.executed_fen().values()) == sum(batch.total_fen for batch in batches) > 0
    offices.on("2026-10-12 09:00")
    picture(offices.of(AUDITOR, "/"), "board")


def take_a_paper(offices: Offices, folder: Path) -> None:
    """The maker gives the application its number and downloads it."""
    page = offices.of(MAKER, "/papers")
    done(page.locator("section:has(#application) form button").first)
    picture(page, "papers")
    with page.expect_download() as download:
        page.locator("section:has(#application) a.button").first.click()
    download.value.save_as(folder / "paper.docx")
    assert (folder / "paper.docx").read_bytes().startswith(b"PK")


def look_round(offices: Offices) -> None:
    """Auditor and administrators read theirs: balances, trail, the way of a payment, accounts, the leader's page."""
    database = offices.scene.ports.database
    batch = database.read(lambda work: work.payments.batches("taizhou", OCTOBER)[-1])
    (payment, *_) = database.read(lambda work: work.payments.obligations(batch_id=batch.id))
    for path, name in (
        ("/balances", "balances"),
        ("/audit", "audit"),
        (f"/lineage?transfer={payment.key}", "lineage"),
    ):
        page = offices.of(AUDITOR, path)
        assert page.locator("h1").count() == 1
        picture(page, name)
    picture(offices.of(USERS, "/users"), "users")
    assert "台州市" in offices.of(AUDITOR, "/leader").inner_text("main")
    assert offices.of(MACHINE, "/installation").url.startswith(f"{offices.url}/installation")
