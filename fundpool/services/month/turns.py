"""``fundpool next``: whose turn it is now, why, and the exact command.

Derived from what ``status`` shows (the progress of the duties, the state of the steps) and from what the daily
tick would start; nothing is stored and no rule is written twice.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from fundpool.domain.duties import duties_of
from fundpool.domain.languages import halves
from fundpool.domain.money import format_yuan
from fundpool.domain.month import MONTH, STEPS, OperatingStep, Phase
from fundpool.domain.outcomes import UnitState
from fundpool.domain.periods import Month, Period, Year, day_of, parse_period
from fundpool.domain.policy import CityPolicy
from fundpool.domain.review import CaseState, ReviewCase
from fundpool.domain.schedule import LAST_STEP, steps_open
from fundpool.domain.submission import DocumentKind, Submission
from fundpool.domain.transfer import Obligation, ObligationState, latest_revisions
from fundpool.services.documents.document_collection import STEP as DOCUMENT_STEP
from fundpool.services.documents.document_kinds import DOCUMENT_OF
from fundpool.services.month.beginnings import Lack, lacks_of
from fundpool.services.month.daily import hops_of, open_months, with_owed
from fundpool.services.oversight.flags import DUTY_NAMES, PAYMENT_REMEDIES
from fundpool.services.oversight.progress import (
    AGENCY,
    APPROVER,
    BANK,
    COUNTY,
    FILING_DUTY,
    FINANCE,
    OPERATOR,
    RELEASER,
    TURN_OF_CASE,
    DutyProgress,
    MonthFacts,
    filing_fact,
    month_facts,
    progress_of,
    supplementary_progress_of,
    turn_of,
)
from fundpool.services.oversight.status import due_this_month
from fundpool.services.oversight.step_progress import is_current, month_steps
from fundpool.services.payments import kill_switches
from fundpool.services.payments.application import APPLY_DUTY
from fundpool.services.payments.disbursement import PAY_DUTY, legs_of
from fundpool.services.payments.transfer_views import in_words
from fundpool.services.ports.work import MonthPorts, Work
from schemas.dashboard import StepStatus, Turn

CLOCK = "clock"
"""Nobody's turn: the daily tick runs the command."""

_BEGIN = "month open"
_NO_PERSON = frozenset({BANK, CLOCK})
_ORDER = {step.key: place for place, step in enumerate(MONTH)}
_ARRIVED = frozenset({ObligationState.SETTLED, ObligationState.CANCELLED})


def turns(
    ports: MonthPorts, cities: Sequence[str], *, month: Month | None = None, now: datetime
) -> tuple[Turn, ...]:
    """Everything that waits now in the cities, the most urgent first; of one month, or of every open one."""
    found = [turn for city in cities for turn in _of_city(ports, city, month, now=now)]
    return tuple(sorted(found, key=_urgency))


def waiting_months(ports: MonthPorts, city: str, now: datetime) -> tuple[Month, ...]:
    """The city's months in which something waits, that of the most urgent turn first.

    A month that a person may begin is none of them while another one is under way.
    """
    found = [turn for turn in turns(ports, [city], now=now) if turn.month is not None]
    begun = [turn for turn in found if f" {_BEGIN} " not in turn.command]
    periods = (parse_period(turn.month) for turn in begun or found if turn.month is not None)
    return tuple(dict.fromkeys(period for period in periods if isinstance(period, Month)))


def _urgency(turn: Turn) -> tuple[date, bool, str, int]:
    place = _ORDER.get(turn.step or "", len(MONTH))
    return turn.act_by or turn.due or date.max, not turn.waits_for_person, turn.month or "", place


def _of_city(ports: MonthPorts, city: str, month: Month | None, *, now: datetime) -> list[Turn]:
    policy, day = ports.policies.city(city), day_of(now)
    coming = Month.of(day).plus(1)
    months = {*open_months(ports, policy, day), coming} if month is None else {month}

    def read(work: Work) -> list[Turn]:
        views = [_MonthView.of(ports, work, policy, month=each, now=now) for each in sorted(months)]
        found = [turn for view in views for turn in view.turns()]
        for year in sorted({year for each in months for year in (each.year, each.year + 1)}):
            found += _of_year(work, policy, Year(year))
        return found + _stops(work, policy)

    return ports.database.read(read)


@dataclass(frozen=True, slots=True, kw_only=True)
class _MonthView:
    """One month of a city in one snapshot, as ``status`` shows it, and the turns that follow."""

    policy: CityPolicy
    month: Month
    day: date
    facts: MonthFacts
    rows: tuple[DutyProgress, ...]
    supplementary: tuple[DutyProgress, ...]
    """The payments of supplementary applications (追加), each with its own day."""
    yearly: tuple[DutyProgress, ...]
    steps: Mapping[str, StepStatus]
    opened: tuple[OperatingStep, ...]
    lacks: tuple[Lack, ...]
    is_closed: bool

    @classmethod
    def of(
        cls, ports: MonthPorts, work: Work, policy: CityPolicy, *, month: Month, now: datetime
    ) -> "_MonthView":
        facts, day = month_facts(work, policy, month), day_of(now)
        steps = month_steps(work, policy, month, facts=facts)
        states = with_owed(work, policy, month, states={key: each.state for key, each in steps.items()})
        books = [fund for city, fund, *_ in work.ledger.chains() if city == policy.key]
        return cls(
            policy=policy,
            month=month,
            day=day,
            facts=facts,
            rows=progress_of(policy, month, ports.calendar, facts=facts, now=now),
            supplementary=supplementary_progress_of(policy, month, ports.calendar, facts=facts, now=now),
            yearly=tuple(due_this_month(ports, work, policy, month=month, now=now, until=None)[0]),
            steps=steps,
            opened=steps_open(
                day,
                month,
                duties_of(policy, month, ports.calendar),
                states=states,
                calendar=ports.calendar,
                hops=hops_of(policy),
            ),
            lacks=lacks_of(work, policy, month),
            is_closed=all(month in work.ledger.locked_months(policy.key, fund, month) for fund in books),
        )

    def turns(self) -> list[Turn]:
        """What waits in the month."""
        by_step: dict[str, Callable[[OperatingStep], Iterator[Turn]]] = {
            "plan-collection": self._collecting,
            "plan-review": self._reviewing_plans,
            "funds-application": self._applying,
            "disbursement": self._paying,
            "allocation": self._paying,
            "expenditure-reporting": self._reporting,
            "report-filing": self._filing,
        }
        found = [turn for step in self.opened for turn in by_step[step.key](step)]
        found += [*self._other_documents(), *self._failed(), *self._lacking()]
        reconciling = list(self._reconciling())
        if not found and not any(turn.waits_for_person for turn in reconciling):
            found = [*self._beginning(), *self._closing()]
        return found + reconciling

    # ------------------------------------------------------------------ documents

    def _collecting(self, step: OperatingStep) -> Iterator[Turn]:
        (document,) = step.collects
        rows = {row.duty.unit: row for row in self._of_duty(step.duty)}
        for county in (unit.code for unit in self.policy.units):
            fact = filing_fact(self.facts, document, county)
            if fact.done_at is None:
                zh = "已退回，待重报" if fact.returned else "待报送"
                en = "returned: file it again" if fact.returned else "not filed yet"
                file = f"submit FILE --document {document} --county {county}"
                row = rows.get(county)
                versions = self.facts.versions.get((document, county), ())
                since = versions[-1].returned_at if versions else None
                yield self._turn(COUNTY, file, zh, en=en, step=step, row=row, units=(county,), since=since)
        if any(versions[-1].verdict is None for versions in self._versions(document)):
            yield self._run(step, "已收到，待校验", "received, to be judged")

    def _reviewing_plans(self, step: OperatingStep) -> Iterator[Turn]:
        yield from self._reviewing(DocumentKind.PLAN, step, self._row(APPLY_DUTY))

    def _reporting(self, step: OperatingStep) -> Iterator[Turn]:
        yield from self._collecting(step)
        yield from self._reviewing(DocumentKind.REPORT, step, self._row(FILING_DUTY))

    def _reviewing(
        self, document: DocumentKind, step: OperatingStep, row: DutyProgress | None
    ) -> Iterator[Turn]:
        applied = {(each.fund, line.county) for each in self.facts.applications for line in each.lines}
        is_plan = document is DocumentKind.PLAN
        cases = [
            case
            for case in self.facts.cases
            if case.document is document
            and (is_current(self.facts, case) or not (is_plan and (case.fund, case.county) in applied))
        ]
        current = [case for case in cases if is_current(self.facts, case)]
        have = {case.county for case in current}
        unopened = [
            versions[-1].county
            for versions in self._versions(document)
            if versions[-1].stands and versions[-1].verdict is not None and versions[-1].county not in have
        ]
        if (is_plan and unopened) or len(current) < len(cases):
            yield self._run(step, "有新报送，待建立审核事项", "a new version waits for its review case")
        for turn in _case_turns(document, current, self.facts):
            yield self._case_turn(turn, step=step, row=row)

    def _other_documents(self) -> Iterator[Turn]:
        for document in STEPS[DOCUMENT_STEP].collects:
            cases = [case for case in self.facts.cases if case.document is document]
            for turn in _case_turns(document, cases, self.facts):
                yield self._case_turn(turn, step=STEPS[DOCUMENT_STEP])
        for row in self.yearly:
            if row.done_at is None:
                file = f"submit FILE --document {DOCUMENT_OF[row.duty.key]} --county {row.duty.unit}"
                yield self._turn(
                    COUNTY, file, "待报送", en="not filed yet", row=row, period=Year.parse(row.duty.period)
                )

    # ------------------------------------------------------------------ money

    def _applying(self, step: OperatingStep) -> Iterator[Turn]:
        row = self._row(APPLY_DUTY)
        lines = {(each.fund, line.county): line for each in self.facts.applications for line in each.lines}
        decided = [
            case
            for found in self.facts.cases_of_plan.values()
            for case in found
            if case.is_decided and is_current(self.facts, case) and (case.fund, case.county) not in lines
        ]
        if decided and row is not None:
            turn_of_row = row.waiting_for if row.done_at is None else AGENCY
            act_by = row.duty.act_by or row.duty.due
            if turn_of_row == AGENCY or act_by is None or act_by <= self.day:
                yield self._run(step, "已核定，待向财政申请", "decided, to be applied for", row=row)
        unreviewed = [
            (each, line)
            for each in self.facts.applications
            for line in each.lines
            if line.reviewed_fen is None
        ]
        if unreviewed:
            yield self._turn(
                FINANCE,
                "application review --by NAME",
                "已申请，待财政复核",
                en="applied for, finance reviews",
                step=step,
                row=self._row(PAY_DUTY),
                since=min(each.prepared_at for each, _ in unreviewed),
                fund=_only(each.fund for each, _ in unreviewed),
                amount_fen=sum(line.applied_fen for _, line in unreviewed),
            )

    def _paying(self, step: OperatingStep) -> Iterator[Turn]:
        assert step.duty is not None
        hops = {leg.hop for leg in legs_of(self.policy, self.month, step.duty)}
        waiting: dict[str, list[Obligation]] = {}
        for payment in latest_revisions(self.facts.obligations):
            if payment.hop in hops and payment.state not in _ARRIVED:
                waiting.setdefault(turn_of(self.facts, payment), []).append(payment)
        rows = [row for row in self._of_duty(step.duty) if row.done_at is None]
        row = rows[0] if rows else self._row(step.duty)
        batches = {batch.id: batch for batch in self.facts.batches}
        for payment in waiting.get(OPERATOR, ()):
            zh, en = in_words(payment, None)
            remedy = PAYMENT_REMEDIES.get(payment.state, "")
            yield self._turn(
                OPERATOR,
                f"transfers show {payment.id}",
                f"{zh}；{remedy.partition(' / ')[0]}",
                en=f"{en}; {remedy.partition(' / ')[2]}",
                step=step,
                row=self._supplementary_row(step.duty, [payment]) or row,
                units=(payment.unit,),
                is_of_month=False,
                fund=payment.fund,
                amount_fen=payment.amount_fen,
            )
        for who, act, words_zh, words_en in (
            (APPROVER, "transfers approve --by NAME", "待复核", "wait for approval"),
            (RELEASER, "transfers release --send --by NAME", "待放行", "wait for release"),
        ):
            for payments in self._by_deadline(step.duty, waiting.get(who, ())):
                own = self._supplementary_row(step.duty, payments)
                amount_fen = sum(each.amount_fen for each in payments)
                of_batches = {batches[each.batch_id] for each in payments if each.batch_id in batches}
                moments = [batch.made_at if who == APPROVER else batch.approved_at for batch in of_batches]
                yield self._turn(
                    who,
                    act,
                    f"{'追加 ' if own else ''}{words_zh} {format_yuan(amount_fen)} 元",
                    en=f"{'supplementary: ' if own else ''}{format_yuan(amount_fen)} yuan {words_en}",
                    step=step,
                    row=own or row,
                    since=min(filter(None, moments), default=None),
                    fund=_only(each.fund for each in payments),
                    amount_fen=amount_fen,
                )
        if BANK in waiting:
            zh, en = "银行办理中，可再问", "with the bank; it can be asked again"
            own = self._supplementary_row(step.duty, waiting[BANK])
            yield self._turn(BANK, "run reconciliation", zh, en=en, step=step, row=own or row)
        if AGENCY in waiting:
            own = self._supplementary_row(step.duty, waiting[AGENCY])
            yield self._run(step, "已放行，待发送", "released, to be sent", row=own or row)
        elif not waiting and any(each.waiting_for == AGENCY for each in rows) and self._all_reviewed:
            yield self._run(step, "待制单", "to be ordered", row=row)

    def _by_deadline(self, duty: str, payments: Iterable[Obligation]) -> list[list[Obligation]]:
        """The month's own payments, and those of each supplementary application, which has a day of its own."""
        groups: dict[int | None, list[Obligation]] = {}
        for payment in payments:
            own = self._supplementary_row(duty, [payment])
            groups.setdefault(None if own is None else own.application, []).append(payment)
        return list(groups.values())

    def _supplementary_row(self, duty: str, payments: Sequence[Obligation]) -> DutyProgress | None:
        """The row of the supplementary application that all the payments are of; None for any of the month's own."""
        found = None
        for payment in payments:
            of_unit = (
                row
                for row in self.supplementary
                if row.duty.key == duty
                and row.application == payment.application
                and row.duty.unit in {None, payment.unit}
            )
            found = next(of_unit, None)
            if found is None:
                return None
        return found

    @property
    def _all_reviewed(self) -> bool:
        applications = self.facts.applications
        return bool(applications) and all(application.is_reviewed for application in applications)

    def _filing(self, step: OperatingStep) -> Iterator[Turn]:
        row = self._row(FILING_DUTY)
        if row is None or row.done_at is not None:
            return
        act_by = row.duty.act_by or row.duty.due or self.month.plus(1).last_day
        has_reports = any(case.is_decided for found in self.facts.cases_of_report.values() for case in found)
        if has_reports and (row.waiting_for == AGENCY or act_by <= self.day):
            yield self._run(step, "待汇总备案", "the summary is to be filed", row=row)

    def _reconciling(self) -> Iterator[Turn]:
        known = self.steps["reconciliation"]
        if not self.facts.obligations or self.is_closed:
            return
        if known.state == UnitState.FLAGGED:
            flagged = next(each for each in known.outcomes if each.state is UnitState.FLAGGED)
            step, zh = STEPS["reconciliation"], f"对账有未决：{flagged.detail_zh}"
            yield self._turn(
                OPERATOR,
                "transfers breaks",
                zh,
                en=f"open: {flagged.detail_en}",
                step=step,
                is_of_month=False,
            )
        elif known.state not in {UnitState.DONE, UnitState.FAILED}:
            yield self._run(STEPS["reconciliation"], "待对账", "to be matched with the bank's statements")

    # ------------------------------------------------------------------ the operator

    def _failed(self) -> Iterator[Turn]:
        for key, known in self.steps.items():
            if known.state == UnitState.FAILED:
                first = next(each for each in known.outcomes if each.state is UnitState.FAILED)
                zh, en = halves(first.remedy or "")
                row = self._row(STEPS[key].duty)
                yield self._turn(
                    OPERATOR,
                    "retry-failed",
                    f"{first.detail_zh}{'；' if zh else ''}{zh}",
                    en=f"{first.detail_en}{'; ' if en else ''}{en}",
                    step=STEPS[key],
                    row=row,
                    units=(first.unit,),
                )

    def _lacking(self) -> Iterator[Turn]:
        if any(step.phase is not Phase.REPORTING for step in self.opened):
            pay = self._row(PAY_DUTY)
            for lack in self.lacks:
                count = len(lack.places)
                zh = f"{lack.zh}：{lack.places[0]}{f' 等 {count} 处' if count > 1 else ''}"
                en = f"{lack.en}: {lack.places[0]}{f' and {count - 1} more' if count > 1 else ''}"
                turn = self._turn(OPERATOR, "", zh, en=en, row=pay)
                yield turn.model_copy(update={"command": lack.command})

    def _beginning(self) -> Iterator[Turn]:
        """Where the text sets no day for the plans, a person begins the coming month."""
        head = self._row(MONTH[0].duty)
        is_ahead = Month.of(self.day) < self.month
        if is_ahead and (head is None or head.duty.due is None) and not self.opened:
            zh, en = "文件没有定上报日，由市级开始", "the text names no day: the city begins"
            yield self._turn(OPERATOR, _BEGIN, zh, en=en, step=MONTH[0], row=head)

    def _closing(self) -> Iterator[Turn]:
        if self.facts.applications and not self.is_closed and self.month.last_day < self.day:
            zh, en = "收报表、备案、对账、结账", "take the reports, file, reconcile, close the books"
            row = self._row(FILING_DUTY)
            is_filed = row is None or row.done_at is not None
            yield self._turn(
                OPERATOR,
                "month close --by NAME",
                zh,
                en=en,
                step=STEPS[LAST_STEP],
                row=None if is_filed else row,
            )

    # ------------------------------------------------------------------ making a turn

    def _versions(self, document: DocumentKind) -> list[tuple[Submission, ...]]:
        return [found for (kind, _), found in self.facts.versions.items() if kind is document and found]

    def _of_duty(self, duty: str | None) -> list[DutyProgress]:
        return [row for row in self.rows if row.duty.key == duty]

    def _row(self, duty: str | None) -> DutyProgress | None:
        return next(iter(self._of_duty(duty)), None)

    def _run(self, step: OperatingStep, zh: str, en: str, *, row: DutyProgress | None = None) -> Turn:
        """The clock's turn: the daily tick runs the step, and so may a person."""
        return self._turn(CLOCK, f"run {step.key}", zh, en=en, step=step, row=row or self._row(step.duty))

    def _case_turn(self, turn: "_CaseTurn", *, step: OperatingStep, row: DutyProgress | None = None) -> Turn:
        return self._turn(
            turn.who,
            turn.act,
            turn.zh,
            en=turn.en,
            step=step,
            row=row,
            units=turn.counties,
            since=turn.since,
            fund=turn.fund,
            amount_fen=turn.amount_fen,
        )

    def _turn(
        self,
        who: str,
        act: str,
        zh: str,
        *,
        en: str,
        step: OperatingStep | None = None,
        row: DutyProgress | None = None,
        units: Sequence[str] = (),
        period: Period | None = None,
        is_of_month: bool = True,
        since: datetime | None = None,
        fund: str | None = None,
        amount_fen: int | None = None,
    ) -> Turn:
        """``act`` is the command without city and month."""
        of_row = row.duty.unit if row is not None and who == COUNTY else None
        unit = units[0] if len(units) == 1 else of_row
        return _turn(
            self.policy,
            period or self.month,
            who,
            act=act,
            zh=zh,
            en=en,
            step=step,
            row=row,
            unit=unit,
            is_of_month=is_of_month,
            since=since,
            fund=fund,
            amount_fen=amount_fen,
        )


def _only(funds: Iterable[str]) -> str | None:
    """The one fund that all are of; None where they are of several."""
    found = set(funds)
    return found.pop() if len(found) == 1 else None


def _turn(
    policy: CityPolicy,
    period: Period | None,
    who: str,
    *,
    act: str,
    zh: str,
    en: str,
    step: OperatingStep | None = None,
    row: DutyProgress | None = None,
    unit: str | None = None,
    is_of_month: bool = True,
    since: datetime | None = None,
    fund: str | None = None,
    amount_fen: int | None = None,
) -> Turn:
    """A turn with its command; ``is_of_month`` False for a command that takes no month."""
    names = {each.code: each.name_zh for each in policy.units}
    duty = row.duty if row else None
    words = DUTY_NAMES.get(duty.key, ("", "")) if duty else ("", "")
    has_own_number = act.startswith("transfers show")
    when = f" --{'year' if isinstance(period, Year) else 'month'} {period}" if is_of_month else ""
    place = "" if has_own_number else f" --city {policy.key}{when}"
    verb, _, options = act.partition(" --")
    return Turn(
        city=policy.key,
        month=None if period is None else str(period),
        turn=who,
        waits_for_person=who not in _NO_PERSON,
        step=step and step.key,
        duty=duty and duty.key,
        rule=duty and duty.rule,
        unit=unit,
        unit_name_zh=names.get(unit or "", policy.name_zh),
        due=duty and duty.due,
        act_by=(row.extended_until if row and row.extended_until else duty and duty.act_by),
        days_late=(row.standing.days_late or None) if row and row.done_at is None else None,
        since=since,
        fund=fund,
        amount_fen=amount_fen,
        why_zh=f"{words[0]}：{zh}" if words[0] else zh,
        why_en=f"{words[1]}: {en}" if words[1] else en,
        basis=duty and duty.basis,
        command=f"fundpool {verb}{place}{f' --{options}' if options else ''}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _CaseTurn:
    """Whose turn open review cases of some counties are; ``act`` is the command without city and period."""

    who: str
    act: str
    zh: str
    en: str
    counties: tuple[str, ...]
    since: datetime | None
    fund: str | None
    amount_fen: int


def _case_turns(
    document: DocumentKind, cases: Iterable[ReviewCase], facts: MonthFacts
) -> Iterator[_CaseTurn]:
    """The turns of cases that wait for the reviewer or the checker."""
    of = "" if document is DocumentKind.PLAN else f" --document {document}"
    judged = {each.id: each.judged_at for versions in facts.versions.values() for each in versions}
    by_state: dict[CaseState, list[ReviewCase]] = {}
    for case in cases:
        by_state.setdefault(case.state, []).append(case)

    def turn(found: list[ReviewCase], act: str, zh: str, *, en: str) -> _CaseTurn:
        moments = [case.proposed_at or judged.get(case.submission_id) for case in found]
        return _CaseTurn(
            who=TURN_OF_CASE[found[0].state],
            act=act,
            zh=zh,
            en=en,
            counties=_counties(found),
            since=min(filter(None, moments), default=None),
            fund=_only(case.fund for case in found),
            amount_fen=sum(
                case.requested_fen if case.proposed_fen is None else case.proposed_fen for case in found
            ),
        )

    if clean := by_state.get(CaseState.READY):
        yield turn(
            clean,
            f"review approve --all-clean{of} --by NAME",
            f"校验无问题，待初审：{'、'.join(_counties(clean))}",
            en=f"nothing found, the reviewer's turn: {', '.join(_counties(clean))}",
        )
    with_findings = by_state.get(CaseState.FINDINGS, [])
    for county in _counties(with_findings):
        yield turn(
            [case for case in with_findings if case.county == county],
            f"review approve --county {county}{of} --by NAME",
            "校验有问题，待初审权衡；也可 review cut、review return",
            en="findings to weigh; or review cut, review return",
        )
    if proposed := by_state.get(CaseState.PROPOSED):
        yield turn(
            proposed,
            f"review confirm{of} --by NAME",
            f"已初审，待复核：{'、'.join(_counties(proposed))}",
            en=f"proposed, to be confirmed: {', '.join(_counties(proposed))}",
        )


def _counties(cases: Iterable[ReviewCase]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(case.county for case in cases))


def _of_year(work: Work, policy: CityPolicy, year: Year) -> list[Turn]:
    """Documents of a fund year that wait for people."""
    facts = month_facts(work, policy, year)
    return [
        _turn(
            policy,
            year,
            turn.who,
            act=turn.act,
            zh=turn.zh,
            en=turn.en,
            step=STEPS[DOCUMENT_STEP],
            unit=turn.counties[0] if len(turn.counties) == 1 else None,
            since=turn.since,
            fund=turn.fund,
            amount_fen=turn.amount_fen,
        )
        for document in STEPS[DOCUMENT_STEP].collects
        for turn in _case_turns(document, [case for case in facts.cases if case.document is document], facts)
    ]


def _stops(work: Work, policy: CityPolicy) -> list[Turn]:
    """Funds of which nothing is sent: the operator looks at the breaks, two people start them again."""
    return [
        _turn(
            policy,
            None,
            OPERATOR,
            act="transfers breaks",
            zh=stop.message_zh,
            en=stop.message_en,
            is_of_month=False,
        )
        for stop in kill_switches.stops_of(work, policy)
    ]
