"""The people's parts of the demo: each act is the use case that the person's own command calls.

Any act may be played again after the demo was killed in the middle of it: what is done already is
left as it is.
"""

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from fundpool.adapters.documents.raw_files import read_source
from fundpool.adapters.documents.record_files import read_accounts, read_budget, read_openings
from fundpool.console.demo.script import Act, Script
from fundpool.domain.errors import FundpoolError, RuleViolation
from fundpool.domain.policy import CityPolicy
from fundpool.domain.review import CaseState
from fundpool.domain.submission import DocumentKind
from fundpool.domain.transfer import AccountStatus
from fundpool.services.documents import intake, review
from fundpool.services.oversight import records, return_slips
from fundpool.services.oversight.filing import files_of
from fundpool.services.payments import application, bank_accounts, batches
from fundpool.services.payments.disbursement import ALLOCATE_STEP, PAY_STEP, legs_of
from fundpool.services.ports.work import MonthPorts, Work
from fundpool.settings import Settings

DUTY_OF_STEP = {"disbursement": PAY_STEP, "allocation": ALLOCATE_STEP}
OPEN_CASES = {CaseState.READY, CaseState.FINDINGS}


class People:
    """Everybody who acts in a demo month, over the product's services."""

    def __init__(self, settings: Settings, ports: MonthPorts, script: Script, folder: Path) -> None:
        self._settings = settings
        self._ports = ports
        self._script = script
        self._folder = folder
        self._month = script.month
        self._policy: CityPolicy = ports.policies.city(script.city)
        self._names = script.people

    def act(self, act: Act, now: datetime) -> None:
        """Do what ``act`` says. Raises FundpoolError when the product refuses it."""
        acts: dict[str, Callable[[Act, datetime], None]] = {
            "set_up": self._set_up,
            "drop": self._drop,
            "submit": self._submit,
            "approve": self._approve,
            "cut": self._cut,
            "return": self._return,
            "confirm": self._confirm,
            "finance": self._finance,
            "authorise": self._authorise,
            "approve_accounts": self._approve_accounts,
            "write_reports": self._write_reports,
            "say": lambda _act, _now: None,
        }
        acts[act.do](act, now)

    def written_reports(self) -> Path:
        """The folder the reports are written to."""
        return self._settings.reports / self._policy.key / str(self._month)

    # --- the city's own records ----------------------------------------------------------------

    def _set_up(self, act: Act, now: datetime) -> None:
        clerk, city = self._names["accounts_clerk"], self._policy.key
        records.record_budget(
            self._ports,
            city=city,
            year=self._month.year,
            amounts=read_budget(self._folder / "budget.csv"),
            document_number=self._script.set_up.budget_document,
            by=clerk,
            now=now,
        )
        # The city's account as the books begin; the counties' as the month's first report must tie to.
        for file, back in (("openings-city.csv", 2), ("openings-counties.csv", 1)):
            records.record_openings(
                self._ports,
                city=city,
                month=self._month.plus(-back),
                rows=read_openings(self._folder / file),
                by=clerk,
                now=now,
            )
        accounts = read_accounts(self._folder / "accounts.csv")

        def register(work: Work) -> None:
            for proposal in accounts:
                entry = bank_accounts.propose_account(work, proposal, clerk, now)
                if proposal.unit not in self._script.set_up.unapproved:
                    bank_accounts.approve_account(work, entry.id, self._names["accounts_checker"], now)

        self._ports.database.transaction(register)

    def _approve_accounts(self, act: Act, now: datetime) -> None:
        def approve(work: Work) -> None:
            for entry in work.accounts.find(self._policy.key, status=AccountStatus.PROPOSED):
                bank_accounts.approve_account(work, entry.id, self._names["accounts_checker"], now)

        self._ports.database.transaction(approve)

    # --- counties ------------------------------------------------------------------------------

    def _drop(self, act: Act, now: datetime) -> None:
        assert act.file
        assert act.document
        folder = self._settings.resolved_drop_folder / self._policy.key / act.document
        folder.mkdir(parents=True, exist_ok=True)
        source = self._folder / act.file
        arriving = folder / f"{source.name}.part"
        shutil.copyfile(source, arriving)
        arriving.replace(folder / source.name)

    def _submit(self, act: Act, now: datetime) -> None:
        assert act.file
        assert act.document
        sending = intake.Sending(
            self._policy.key,
            DocumentKind(act.document),
            now,
            f"{self._county_name(act.county)}经办",
            act.county,
            self._month,
        )
        source = read_source(self._folder / act.file)
        receipt = intake.submit(self._ports, [source], sending, now)[0]
        if receipt.error is not None:
            raise receipt.error

    # --- the city agency -----------------------------------------------------------------------

    def _approve(self, act: Act, now: datetime) -> None:
        for county in act.counties:
            self._propose(act, county, None, None, now)

    def _cut(self, act: Act, now: datetime) -> None:
        assert act.county
        assert act.amount_yuan is not None
        self._propose(act, act.county, act.fund, int(act.amount_yuan * 100), now)

    def _propose(
        self, act: Act, county: str, fund: str | None, amount_fen: int | None, now: datetime
    ) -> None:
        """The maker's proposal for the county's open cases; a decided or proposed one is left alone."""
        document = DocumentKind(act.document or "plan")
        cases = [
            case
            for case in review.cases_of(self._ports, self._policy.key, self._month, document)
            if case.county == county and fund in {None, case.fund}
        ]
        if not cases or any(case.state is CaseState.RETURNED for case in cases):
            raise _out_of_step(f"{county}：没有可审的 {document} / nothing of {county} to review")
        for case in cases:
            if case.state in OPEN_CASES:
                review.propose(
                    self._ports,
                    city=self._policy.key,
                    month=self._month,
                    document=document,
                    county=county,
                    fund=case.fund,
                    amount_fen=amount_fen,
                    reason=act.reason,
                    by=self._names["maker"],
                    now=now,
                )

    def _return(self, act: Act, now: datetime) -> None:
        assert act.county
        document = DocumentKind(act.document or "plan")
        cases = review.cases_of(self._ports, self._policy.key, self._month, document)
        if any(case.county == act.county and case.state is not CaseState.RETURNED for case in cases):
            return_slips.return_to_county(
                self._ports,
                city=self._policy.key,
                month=self._month,
                document=document,
                county=act.county,
                reason=act.reason or "",
                by=self._names["maker"],
                now=now,
            )

    def _confirm(self, act: Act, now: datetime) -> None:
        document = DocumentKind(act.document or "plan")
        cases = review.cases_of(self._ports, self._policy.key, self._month, document)
        if any(case.state is CaseState.PROPOSED for case in cases):
            review.confirm(
                self._ports,
                city=self._policy.key,
                month=self._month,
                document=document,
                county=None,
                fund=None,
                by=self._names["checker"],
                now=now,
            )

    # --- finance -------------------------------------------------------------------------------

    def _finance(self, act: Act, now: datetime) -> None:
        for cut in act.cuts:
            self._review_application(cut.county, cut.fund, int(cut.amount_yuan * 100), cut.reason, now)
        found = application.applications_of(self._ports, self._policy.key, self._month)
        if not found:
            raise _out_of_step("没有用款申请 / there is no application")
        if any(line.reviewed_fen is None for one in found for line in one.lines):
            self._review_application(None, None, None, None, now)

    def _review_application(
        self, county: str | None, fund: str | None, amount_fen: int | None, reason: str | None, now: datetime
    ) -> None:
        application.review_application(
            self._ports,
            city=self._policy.key,
            month=self._month,
            fund=fund,
            county=county,
            amount_fen=amount_fen,
            reason=reason,
            by=self._names["finance"],
            now=now,
        )

    def _authorise(self, act: Act, now: datetime) -> None:
        """Approver and releaser, two people, for the batches of the step's hop."""
        assert act.step
        legs = legs_of(self._policy, self._month, DUTY_OF_STEP[act.step])

        def authorise(work: Work) -> None:
            for leg in legs:
                batches.authorise(
                    work,
                    self._policy.key,
                    self._month,
                    leg.hop,
                    checker=self._names["approver"],
                    releaser=self._names["releaser"],
                    now=now,
                )

        self._ports.database.transaction(authorise)

    def _write_reports(self, act: Act, now: datetime) -> None:
        folder = self.written_reports()
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files_of(self._ports, self._policy.key, self._month, now):
            (folder / name).write_bytes(content)

    def _county_name(self, county: str | None) -> str:
        names = {unit.code: unit.name_zh for unit in self._policy.units}
        return names.get(county or "", self._policy.name_zh)


def _out_of_step(what: str) -> FundpoolError:
    return RuleViolation(
        "demo_out_of_step",
        f"演示剧本与实际进度不符：{what}",
        f"the demo's script and the month have come apart: {what}",
        remedy="fundpool demo --fresh",
    )
