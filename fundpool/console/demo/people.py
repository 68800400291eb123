"""The people of a city's month: each act is the use case that the person's own command calls.

The demo plays them by its script (``ScriptedPeople``), the tests by their own months.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from fundpool.adapters.documents.raw_files import read_source
from fundpool.adapters.documents.record_files import read_accounts, read_budget, read_openings
from fundpool.console.demo.script import Act, Script
from fundpool.console.options import MonthAct
from fundpool.domain.errors import FundpoolError, RuleViolation
from fundpool.domain.month import STEPS
from fundpool.domain.periods import Month
from fundpool.domain.policy import CityPolicy
from fundpool.domain.review import CaseState, ReviewCase
from fundpool.domain.submission import DocumentKind
from fundpool.domain.transfer import Hop
from fundpool.services.documents import intake, review
from fundpool.services.oversight import records, return_slips
from fundpool.services.oversight.filing import files_of
from fundpool.services.payments import application, bank_accounts, batches
from fundpool.services.payments.disbursement import legs_of
from fundpool.services.ports.money_ports import AccountProposal
from fundpool.services.ports.work import MonthPorts, Work
from fundpool.settings import Settings

OPEN_CASES = {CaseState.READY, CaseState.FINDINGS}


class People:
    """Everybody who acts in a city's month, over the product's services; an act raises what its service raises.

    ``names`` has ``accounts_clerk``, ``accounts_checker``, ``maker``, ``checker``, ``finance``, ``approver``
    and ``releaser``.
    """

    ports: MonthPorts
    policy: CityPolicy
    month: Month
    names: Mapping[str, str]

    def _as(self, role: str, now: datetime) -> MonthAct:
        return {"city": self.policy.key, "month": self.month, "by": self.names[role], "now": now}

    # --- the city's own records ----------------------------------------------------------------

    def record_beginnings(
        self,
        budget: Mapping[tuple[str, str], int],
        document_number: str,
        openings: Mapping[Month, Sequence[records.OpeningRow]],
        *,
        now: datetime,
    ) -> None:
        """Record the year's budget (fen by county and scheme) and what accounts held at the end of months."""
        city, by = self.policy.key, self.names["accounts_clerk"]
        records.record_budget(
            self.ports,
            city=city,
            year=self.month.year,
            amounts=budget,
            document_number=document_number,
            by=by,
            now=now,
        )
        for month, rows in openings.items():
            records.record_openings(self.ports, city=city, month=month, rows=rows, by=by, now=now)

    def enter_accounts(
        self, accounts: Sequence[AccountProposal], now: datetime, unapproved: Sequence[str] = ()
    ) -> None:
        """The clerk enters bank accounts, the checker approves all but those of the units ``unapproved``."""

        def enter(work: Work) -> None:
            for proposal in accounts:
                entry = bank_accounts.propose_account(work, proposal, self.names["accounts_clerk"], now=now)
                if proposal.unit not in unapproved:
                    bank_accounts.approve_account(work, entry.id, self.names["accounts_checker"], now=now)

        self.ports.database.transaction(enter)

    # --- counties ------------------------------------------------------------------------------

    def submit(
        self,
        file: Path,
        document: str,
        now: datetime,
        *,
        county: str | None = None,
        month: Month | None = None,
    ) -> intake.FileReceipt:
        """The county's clerk files one document; the receipt says what is wrong with it."""
        clerk = f"{self._county_name(county)}经办"
        sending = intake.Sending(
            self.policy.key, DocumentKind(document), now, received_from=clerk, county=county, month=month
        )
        return intake.submit(self.ports, [read_source(file)], sending, now=now)[0]

    def _county_name(self, county: str | None) -> str:
        names = {unit.code: unit.name_zh for unit in self.policy.units}
        return names.get(county or "", self.policy.name_zh)

    # --- the city agency -----------------------------------------------------------------------

    def propose(
        self,
        county: str,
        now: datetime,
        *,
        document: str = "plan",
        fund: str | None = None,
        amount_fen: int | None = None,
        reason: str | None = None,
    ) -> None:
        """The maker proposes the requested amounts, or ``amount_fen`` for one scheme.

        A case that is proposed or decided already is left alone.
        """
        cases = [case for case in self._cases(document, county) if fund in {None, case.fund}]
        if not cases or any(case.state is CaseState.RETURNED for case in cases):
            raise _out_of_step(f"{county}：没有可审的 {document} / nothing of {county} to review")
        funds = [case.fund for case in cases if case.state in OPEN_CASES]
        for each in [fund] if len(funds) == len(cases) else funds:
            review.propose(
                self.ports,
                document=DocumentKind(document),
                counties=[county],
                fund=each,
                amount_fen=amount_fen,
                reason=reason,
                **self._as("maker", now),
            )

    def confirm(self, now: datetime, *, document: str = "plan") -> None:
        """The checker confirms every open proposal, if there is one."""
        if any(case.state is CaseState.PROPOSED for case in self._cases(document)):
            kind = DocumentKind(document)
            review.confirm(self.ports, document=kind, counties=None, fund=None, **self._as("checker", now))

    def send_back(self, county: str, reason: str, now: datetime, *, document: str = "plan") -> None:
        """The maker returns the county's document, unless it is returned already."""
        if any(case.state is not CaseState.RETURNED for case in self._cases(document, county)):
            about = self._as("maker", now)
            return_slips.return_to_counties(
                self.ports, document=DocumentKind(document), counties=[county], reason=reason, **about
            )

    def _cases(self, document: str, county: str | None = None) -> list[ReviewCase]:
        found = review.cases_of(self.ports, self.policy.key, self.month, document=DocumentKind(document))
        return [case for case in found if county in {None, case.county}]

    # --- finance -------------------------------------------------------------------------------

    def review_by_finance(
        self,
        now: datetime,
        *,
        county: str | None = None,
        fund: str | None = None,
        amount_fen: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Finance takes every line as applied for, unless all are reviewed, or gives one line's ``amount_fen``."""
        found = application.applications_of(self.ports, self.policy.key, self.month)
        if not found:
            raise _out_of_step("没有用款申请 / there is no application")
        lines = [line for each in found for line in each.lines]
        if amount_fen is not None or any(line.reviewed_fen is None for line in lines):
            about = self._as("finance", now)
            application.review_application(
                self.ports, fund=fund, county=county, amount_fen=amount_fen, reason=reason, **about
            )

    def authorise(self, step: str, now: datetime) -> None:
        """Approver and releaser, two people, let out the batches that the step ordered."""
        city, month = self.policy.key, self.month
        checker, releaser = self.names["approver"], self.names["releaser"]

        def authorise(work: Work) -> None:
            for hop in self.hops_of(step):
                batches.authorise(work, city, month, hop=hop, checker=checker, releaser=releaser, now=now)

        self.ports.database.transaction(authorise)

    def hops_of(self, step: str) -> list[Hop]:
        """The hops of the city's path that the step pays."""
        duty = STEPS[step].duty
        assert duty
        return [leg.hop for leg in legs_of(self.policy, self.month, duty)]


class ScriptedPeople(People):
    """The people of a demo month, who do what its script says.

    Any act may be played again after the demo was killed in the middle of it: what is done already is left as
    it is.
    """

    def __init__(self, settings: Settings, ports: MonthPorts, script: Script, *, folder: Path) -> None:
        self.ports = ports
        self.policy = ports.policies.city(script.city)
        self.month = script.month
        self.names = script.people
        self._settings = settings
        self._script = script
        self._folder = folder

    def act(self, act: Act, now: datetime) -> None:
        """Do what ``act`` says. Raises FundpoolError when the product refuses it."""
        acts: dict[str, Callable[[Act, datetime], None]] = {
            "set_up": self._set_up,
            "drop": self._drop,
            "submit": self._submit,
            "approve": self._approve,
            "cut": self._cut,
            "return": lambda act, now: self.send_back(
                act.county or "", act.reason or "", now, document=act.document or "plan"
            ),
            "confirm": lambda act, now: self.confirm(now, document=act.document or "plan"),
            "finance": self._finance,
            "authorise": lambda act, now: self.authorise(act.step or "", now),
            "approve_accounts": self._approve_accounts,
            "write_reports": self._write_reports,
            "say": lambda _act, _now: None,
        }
        acts[act.do](act, now)

    def written_reports(self) -> Path:
        """The folder the reports are written to."""
        return self._settings.reports / self.policy.key / str(self.month)

    def _set_up(self, _act: Act, now: datetime) -> None:
        set_up, folder = self._script.set_up, self._folder
        # The city's account as the books begin; the counties' as the month's first report must tie to.
        openings = {
            self.month.plus(-2): read_openings(folder / "openings-city.csv").rows,
            self.month.plus(-1): read_openings(folder / "openings-counties.csv").rows,
        }
        self.record_beginnings(
            read_budget(folder / "budget.csv").rows, set_up.budget_document, openings, now=now
        )
        self.enter_accounts(read_accounts(folder / "accounts.csv").rows, now, set_up.unapproved)

    def _approve_accounts(self, _act: Act, now: datetime) -> None:
        city, checker = self.policy.key, self.names["accounts_checker"]
        self.ports.database.transaction(
            lambda work: bank_accounts.approve_proposed(work, None, city, checker=checker, now=now)
        )

    def _drop(self, act: Act, _now: datetime) -> None:
        assert act.file
        assert act.document
        folder = self._settings.resolved_drop_folder / self.policy.key / act.document
        folder.mkdir(parents=True, exist_ok=True)
        source = self._folder / act.file
        arriving = folder / f"{source.name}.part"
        shutil.copyfile(source, arriving)
        arriving.replace(folder / source.name)

    def _submit(self, act: Act, now: datetime) -> None:
        assert act.file
        assert act.document
        receipt = self.submit(self._folder / act.file, act.document, now, county=act.county, month=self.month)
        if receipt.error is not None:
            raise receipt.error

    def _approve(self, act: Act, now: datetime) -> None:
        for county in act.counties:
            self.propose(county, now, document=act.document or "plan", reason=act.reason)

    def _cut(self, act: Act, now: datetime) -> None:
        assert act.county
        assert act.amount_yuan is not None
        amount_fen = int(act.amount_yuan * 100)
        self.propose(act.county, now, fund=act.fund, amount_fen=amount_fen, reason=act.reason)

    def _finance(self, act: Act, now: datetime) -> None:
        for cut in act.cuts:
            fen = int(cut.amount_yuan * 100)
            self.review_by_finance(now, county=cut.county, fund=cut.fund, amount_fen=fen, reason=cut.reason)
        self.review_by_finance(now)

    def _write_reports(self, _act: Act, now: datetime) -> None:
        folder = self.written_reports()
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files_of(self.ports, self.policy.key, self.month, now=now):
            (folder / name).write_bytes(content)


def _out_of_step(what: str) -> FundpoolError:
    return RuleViolation(
        "demo_out_of_step",
        f"演示剧本与实际进度不符：{what}",
        f"the demo's script and the month have come apart: {what}",
        remedy="fundpool demo --fresh",
    )
