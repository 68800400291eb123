"""What each paper that officials sign says, from what the books say at a moment; nothing is recorded here.

One function a kind of paper; each yields the papers of its kind in the month, none where there is nothing to sign.
Papers of a county are yielded for ``Source.unit`` alone where one is named.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from fundpool.domain.bank_reconciliation import BalanceSource, BankReconciliation, ItemKind
from fundpool.domain.chart_of_accounts import AccountType, Flow
from fundpool.domain.duties import duties_of
from fundpool.domain.findings import Finding, Severity
from fundpool.domain.money import format_yuan, yuan_in_words
from fundpool.domain.month_summary import SUMMARY_FIELDS, RowStatus, SummaryRow
from fundpool.domain.paper import UNKNOWN, Cell, Column, Language, Paper, PaperKind, PaperTable
from fundpool.domain.periods import Month, Year, day_of, midnight
from fundpool.domain.policy import CityPolicy, PaymentHop
from fundpool.domain.return_slip import ReturnSlip
from fundpool.domain.review import CaseState, ReviewCase
from fundpool.domain.submission import DocumentKind
from fundpool.domain.timeliness import DutyState
from fundpool.domain.transfer import AccountStatus, BankAccount
from fundpool.services.documents.document_kinds import DOCUMENT_OF, is_of, type_of
from fundpool.services.oversight.filing import summary_of
from fundpool.services.oversight.hindsight import known_facts
from fundpool.services.oversight.progress import FILING_DUTY, PLAN_DUTY, REPORT_DUTY, MonthFacts
from fundpool.services.oversight.return_slips import slips_of
from fundpool.services.oversight.status import masked, month_status
from fundpool.services.payments.application import APPLY_DUTY
from fundpool.services.payments.bank_reconciliation import reconciliations
from fundpool.services.payments.installation import is_sandbox
from fundpool.services.payments.statements import owner_of, ref_of
from fundpool.services.payments.transfer_views import TransferView, views_of
from fundpool.services.ports.statement_ports import CashEntry
from fundpool.services.ports.work import MonthPorts, Work
from schemas.dashboard import DutyStatus

_CASE_STATES = {
    CaseState.READY: ("待初审", "to be reviewed"),
    CaseState.FINDINGS: ("有问题，待初审", "findings to be weighed"),
    CaseState.PROPOSED: ("待复核", "to be confirmed"),
    CaseState.APPROVED: ("已核定", "approved"),
    CaseState.CUT: ("已核减", "cut"),
    CaseState.ACCEPTED: ("已核定", "approved"),
    CaseState.RETURNED: ("已退回", "returned"),
}
_ROW_STATES = {
    RowStatus.ACCEPTED: ("已审核", "accepted"),
    RowStatus.NIL: ("零申报", "nil return"),
    RowStatus.UNDER_REVIEW: ("审核中", "under review"),
    RowStatus.RETURNED: ("已退回", "returned"),
    RowStatus.MISSING: ("缺报", "missing"),
}
_ACCOUNTS = {
    AccountType.TREASURY: ("国库", "treasury"),
    AccountType.INCOME_ACCOUNT: ("收入户", "income account"),
    AccountType.FISCAL_ACCOUNT: ("财政专户", "fiscal account"),
    AccountType.CITY_EXPENDITURE: ("市支出户", "city expenditure account"),
    AccountType.COUNTY_EXPENDITURE: ("县支出户", "county expenditure account"),
    AccountType.COUNTY_FISCAL: ("县财政专户", "county fiscal account"),
}
_FLOWS = {
    Flow.OPENING: ("期初余额转入", "opening balance brought in"),
    Flow.INCOME: ("收入", "income"),
    Flow.INTEREST: ("利息收入", "interest"),
    Flow.TREASURY_TO_FISCAL: ("国库划入财政专户", "treasury to fiscal account"),
    Flow.INCOME_TO_FISCAL: ("收入户划入财政专户", "income account to fiscal account"),
    Flow.PAY_TO_CITY: ("财政专户拨至市支出户", "fiscal account to city expenditure account"),
    Flow.PAY_DIRECT: ("财政专户拨至县支出户", "fiscal account to county expenditure account"),
    Flow.ALLOCATE: ("市支出户拨至县支出户", "city to county expenditure account"),
    Flow.SPEND: ("待遇支出", "benefits paid"),
    Flow.SPEND_RETURNED: ("待遇退回", "benefits that came back"),
    Flow.RETURN_UP: ("上划", "passed up"),
    Flow.BANK_RETURN: ("退票", "sent back by the bank"),
    Flow.ANOMALY: ("待查款项", "suspense"),
    Flow.ANOMALY_ACCEPTED: ("待查款项认可入账", "suspense accepted"),
    Flow.ANOMALY_RETURNED: ("待查款项退回", "suspense returned"),
}
_ITEM_KINDS = {
    ItemKind.BANK_RECEIVED: ("银行已收、单位未收", "received by the bank, not booked"),
    ItemKind.BANK_PAID: ("银行已付、单位未付", "paid by the bank, not booked"),
    ItemKind.BOOKED_RECEIPT: ("单位已收、银行未收", "booked as received, not at the bank"),
    ItemKind.BOOKED_PAYMENT: ("单位已付、银行未付", "booked as paid, not at the bank"),
}
_BALANCE_SOURCES = {
    BalanceSource.STATED: ("银行对账单所列余额", "the balance that the bank states"),
    BalanceSource.CARRIED: (
        "以前日对账单余额加其后各日流水推算",
        "an earlier stated balance and the lines since",
    ),
    BalanceSource.OPENING: (
        "期初余额加其后各日银行流水推算，银行未列余额",
        "the opening balance and the bank's lines since; the bank states none",
    ),
}
_SEVERITIES = {
    Severity.BLOCK: ("须更正", "correct"),
    Severity.REVIEW: ("待复核", "to be weighed"),
    Severity.NOTE: ("提示", "note"),
}
_SPENDING = tuple(SUMMARY_FIELDS[4:11])
_BALANCES = (*SUMMARY_FIELDS[:4], *SUMMARY_FIELDS[10:])


@dataclass(frozen=True)
class Source:
    """What the papers of a city's month are made from, and in which language."""

    ports: MonthPorts
    work: Work
    policy: CityPolicy
    month: Month
    now: datetime
    language: Language
    unit: str | None = None
    """Code of the county or city whose papers are wanted; None: of all."""

    def say(self, zh: str, en: str) -> str:
        """The text of the paper's language."""
        return en if self.language == "en" else zh

    def either(self, texts: tuple[str, str]) -> str:
        """``say`` for a pair."""
        return self.say(*texts)

    def one_language(self, text: str) -> str:
        """The side of ``中文 / English`` that the paper is in; another text stands as it is."""
        return self.say(*text.split(" / ")) if text.count(" / ") == 1 else text

    @cached_property
    def facts(self) -> MonthFacts:
        """What was recorded of the month by ``now``."""
        return known_facts(self.work, self.policy, self.month, until=self.now)

    @cached_property
    def payments(self) -> list[TransferView]:
        """The month's payments by ``now``."""
        return views_of(
            self.work,
            self.facts.obligations,
            batches=self.facts.batches,
            attempts=self.facts.attempts,
        )

    @cached_property
    def accounts(self) -> list[BankAccount]:
        """The approved bank accounts of the units that are wanted."""
        found = self.work.accounts.find(self.policy.key, status=AccountStatus.APPROVED)
        return [account for account in found if self.is_wanted(account.unit)]

    @cached_property
    def city_name(self) -> str:
        return self.say(self.policy.name_zh, self.policy.name_en)

    @cached_property
    def month_name(self) -> str:
        return self.say(f"{self.month.year}年{self.month.month}月", str(self.month))

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Name of each unit of the register and of the city, by code."""
        units = {unit.code: self.say(unit.name_zh, unit.name_en) for unit in self.policy.register}
        return {self.policy.division_code: self.city_name} | units

    @cached_property
    def funds(self) -> Mapping[str, str]:
        return {fund.key: self.say(fund.name_zh, fund.name_en) for fund in self.policy.funds}

    @cached_property
    def unit_line(self) -> str:
        """The unit that every amount of a paper is in."""
        return self.say("单位：元", "Amounts in yuan (CNY)")

    def is_wanted(self, unit: str | None) -> bool:
        """Whether papers of the unit are wanted."""
        return self.unit in {None, unit}

    def office(self, actor: str, unit: str | None = None) -> str:
        """The office of the city, or of a county, that the policy calls ``actor``.

        National names say the level (市级医保部门); a city's own policy may have the office's full name, which
        stands as it is.
        """
        name = self.policy.actors[actor]
        place = self.names[unit or self.policy.division_code]
        if self.language == "en":
            return f"{place} {name.name_en.removeprefix('city ').removeprefix('county ')}"
        for level in ("市级", "县级"):
            if name.name_zh.startswith(level):
                return place + name.name_zh.removeprefix(level)
        return name.name_zh

    def basis(self, *duties: str) -> tuple[str, ...]:
        """The line that cites the article of the first of these duties that the city's text has."""
        known = {duty.key: duty for duty in duties_of(self.policy, self.month, self.ports.calendar)}
        for key in duties:
            if key in known:
                return (self._cited(f"{known[key].basis.document} {known[key].basis.section}"),)
        return ()

    def basis_of_hop(self, hop: PaymentHop) -> tuple[str, ...]:
        """The line that cites the article a hop of the payment path rests on."""
        rule = self.policy.rule(hop.basis)
        return (self._cited(f"{rule.instrument.reference} {rule.section}"),)

    def _cited(self, article: str) -> str:
        return self.say(f"依据：{article}", f"Basis: {article}")

    def paper(self, kind: PaperKind, subject: str = "", **content: Any) -> Paper:
        """A paper of the month, issued by the city agency unless ``content`` says otherwise."""
        about: dict[str, Any] = {
            "title": f"{self.city_name}{self.say('', ' ')}{kind.in_words(self.language)}",
            "signing_units": (self.office("city_agency"),),
            "period": str(self.month),
        }
        return Paper(
            kind=kind,
            language=self.language,
            city=self.policy.key,
            subject=subject,
            is_sandbox=is_sandbox(self.work),
            **(about | content),
        )

    def money(self, title: tuple[str, str], width: int = 12) -> Column:
        """A column of money."""
        return Column(self.either(title), width, is_money=True)

    def text(self, title: tuple[str, str], width: int = 10) -> Column:
        """A column of text."""
        return Column(self.either(title), width)

    def code(self, title: tuple[str, str], width: int = 10) -> Column:
        """A column of short texts, such as days and states."""
        return Column(self.either(title), width, is_centred=True)

    @property
    def county_column(self) -> Column:
        return self.text(("县（市、区）", "County"), 14)

    @property
    def total_word(self) -> str:
        return self.say("合计", "Total")

    def in_words(self, amount_fen: int | None, of: str = "") -> tuple[str, ...]:
        """The line with a total in words, where there is one; only Chinese papers have it."""
        if amount_fen is None or self.language != "zh":
            return ()
        return (f"{of}合计人民币（大写）：{yuan_in_words(amount_fen)}",)


def plan_summaries(source: Source) -> Iterator[Paper]:
    """用款计划汇总表: requested, approved and cut per county and scheme, with the reasons."""
    facts, say = source.facts, source.say
    nil = {county for document, county in facts.nil_returns if document is DocumentKind.PLAN}
    if not facts.cases_of_plan and not nil:
        return
    tables = []
    for fund, fund_name in source.funds.items():
        cases = {
            case.county: case for each in facts.cases_of_plan.values() for case in each if case.fund == fund
        }
        rows = [
            _plan_row(source, unit.code, cases.get(unit.code), is_nil=unit.code in nil)
            for unit in source.policy.units
        ]
        total = (say("合计", "Total"), *(_sum(row[place] for row in rows) for place in (1, 2, 3)), "", "")
        tables.append(
            PaperTable(
                heading=fund_name,
                above=(source.unit_line,),
                columns=(
                    source.county_column,
                    source.money(("申请额", "Requested")),
                    source.money(("核定额", "Approved")),
                    source.money(("核减额", "Cut")),
                    source.text(("核减理由", "Reason of the cut"), 22),
                    source.code(("状态", "State"), 11),
                ),
                rows=tuple(rows),
                total=total,
                below=source.in_words(_sum(row[2] for row in rows), "核定额"),
            )
        )
    yield source.paper(
        PaperKind.PLAN_SUMMARY,
        text=(say(f"资金所属月份：{source.month_name}", f"Month the money is for: {source.month_name}"),),
        tables=tuple(tables),
        notes=(
            say(
                "未核定的县（市、区）不计入核定额合计；缺报的不以零计。",
                "Counties that are not decided are not in the total of approved amounts; what is missing is not nil.",
            ),
            *source.basis(APPLY_DUTY, PLAN_DUTY),
        ),
        is_wide=True,
    )


def _plan_row(source: Source, county: str, case: ReviewCase | None, *, is_nil: bool) -> tuple[Cell, ...]:
    name = source.names[county]
    if case is None:
        state = ("零申报", "nil return") if is_nil else ("缺报", "missing")
        return name, None, None, None, "", source.either(state)
    if case.state is CaseState.RETURNED:
        return name, None, None, None, "", source.either(_CASE_STATES[case.state])
    approved_fen = case.approved_fen if case.is_decided else None
    cut_fen = None if approved_fen is None else case.requested_fen - approved_fen
    reason = case.reason if cut_fen else ""
    state = _CASE_STATES[case.state]
    return name, case.requested_fen, approved_fen, cut_fen, reason or "", source.either(state)


def _sum(amounts: Iterable[Cell]) -> int | None:
    """Sum of the amounts that are known; None where none is."""
    known = [amount for amount in amounts if isinstance(amount, int)]
    return sum(known) if known else None


def applications(source: Source) -> Iterator[Paper]:
    """用款申请: what the city agency applies for, and 复核额 once finance has given it; one for each number."""
    say = source.say
    for number in sorted({application.number for application in source.facts.applications}):
        tables = []
        for application in source.facts.applications:
            if application.number != number:
                continue
            lines = [
                (
                    source.names[line.county],
                    line.applied_fen,
                    line.reviewed_fen,
                    None if line.reviewed_fen is None else line.applied_fen - line.reviewed_fen,
                    line.reason or "",
                )
                for line in application.lines
            ]
            reviewed_fen = _sum(line[2] for line in lines)
            tables.append(
                PaperTable(
                    heading=source.funds[application.fund],
                    above=(*_receiving_accounts(source, application.fund), source.unit_line),
                    columns=(
                        source.county_column,
                        source.money(("申请额", "Applied for"), 15),
                        source.money(("财政复核额", "Reviewed"), 15),
                        source.money(("核减额", "Cut"), 15),
                        source.text(("核减理由", "Reason of the cut"), 16),
                    ),
                    rows=tuple(lines),
                    total=(
                        source.total_word,
                        application.applied_fen,
                        reviewed_fen,
                        _sum(line[3] for line in lines),
                        "",
                    ),
                    below=(
                        *source.in_words(application.applied_fen, "申请额"),
                        *(source.in_words(reviewed_fen, "复核额") if application.is_reviewed else ()),
                    ),
                )
            )
        finance = source.office("city_finance")
        extra = "" if number == 1 else say(f"（第 {number} 号，补充）", f" (no. {number}, supplementary)")
        yield source.paper(
            PaperKind.APPLICATION,
            str(number),
            title=f"{source.city_name}{say('医疗保险基金用款申请', ' application for medical insurance funds')}{extra}",
            addressee=finance,
            signing_units=(source.office("city_agency"), finance),
            text=(
                say(
                    f"现申请拨付{source.month_name}医疗保险基金用款，请予复核。",
                    f"We apply for the medical insurance funds of {source.month_name} and ask for their review.",
                ),
            ),
            tables=tuple(tables),
            notes=source.basis(APPLY_DUTY, "pay_from_fiscal_account"),
        )


def _receiving_accounts(source: Source, fund: str) -> tuple[str, ...]:
    """The city's own account that finance pays to; a city whose counties are paid directly has none."""
    city, kind = source.policy.division_code, AccountType.CITY_EXPENDITURE
    if not any(hop.to_account == kind for hop in source.policy.payment_path):
        return (
            source.say(
                "由财政专户直接拨付至各县（市、区）支出户。", "Paid to the counties' accounts directly."
            ),
        )
    account = source.work.accounts.approved(source.policy.key, fund, kind, unit=city)
    return () if account is None else (_account_line(source, account),)


def _account_line(source: Source, account: BankAccount) -> str:
    """The receiving account whole: whoever pays to it, or receives on it, must compare every digit."""
    return source.say(
        f"收款账户：{account.account_name}　开户行：{account.bank_name}　账号：{account.account_no}",
        f"Payee: {account.account_name}, bank: {account.bank_name}, account: {account.account_no}",
    )


def allocation_notices(source: Source) -> Iterator[Paper]:
    """拨付通知: what has arrived in a county's accounts, per scheme, with the day."""
    say = source.say
    hop = next(
        (hop for hop in source.policy.payment_path if hop.to_account == AccountType.COUNTY_EXPENDITURE), None
    )
    for unit in source.policy.units:
        paid = [
            view
            for view in source.payments
            if view.obligation.unit == unit.code
            and view.obligation.hop.to_type is AccountType.COUNTY_EXPENDITURE
            and view.obligation.paid_fen
        ]
        if hop is None or not paid or not source.is_wanted(unit.code):
            continue
        tables = []
        for fund, fund_name in source.funds.items():
            of_fund = [view for view in paid if view.obligation.fund == fund]
            if not of_fund:
                continue
            total_fen = sum(view.obligation.paid_fen for view in of_fund)
            accounts = dict.fromkeys(_account_line(source, view.credit_account) for view in of_fund)
            tables.append(
                PaperTable(
                    heading=fund_name,
                    above=(*accounts, source.unit_line),
                    columns=(
                        source.code(("申请号", "Application"), 8),
                        source.money(("拨付金额", "Amount paid"), 14),
                        source.code(("到账日期", "Date paid"), 12),
                        source.code(("付款账户", "Payer's account"), 14),
                        source.code(("银行流水号", "Bank serial"), 22),
                    ),
                    rows=tuple(_allocation_row(view) for view in of_fund),
                    total=(source.total_word, total_fen, "", "", ""),
                    below=source.in_words(total_fen),
                )
            )
        yield source.paper(
            PaperKind.ALLOCATION,
            unit.code,
            addressee=source.office("county_agency", unit.code),
            signing_units=(source.office(hop.paid_by),),
            text=(
                say(
                    f"{source.month_name}医疗保险基金已拨付至你单位支出户，请核对入账。",
                    f"The medical insurance funds of {source.month_name} have been paid to your expenditure account; "
                    "please compare and book them.",
                ),
            ),
            tables=tuple(tables),
            notes=source.basis_of_hop(hop),
        )


def _allocation_row(view: TransferView) -> tuple[Cell, ...]:
    obligation = view.obligation
    paid_on = UNKNOWN if obligation.settled_at is None else day_of(obligation.settled_at).isoformat()
    serial = (view.attempt and view.attempt.bank_serial) or UNKNOWN
    payer = masked(view.debit_account.account_no)
    return str(obligation.application), obligation.paid_fen, paid_on, payer, serial


def expenditure_summaries(source: Source) -> Iterator[Paper]:
    """支出核算汇总表: the figures of the counties' accepted reports."""
    say = source.say
    summary = summary_of(source.ports, source.work, source.policy, month=source.month, now=source.now)
    counted = {RowStatus.ACCEPTED, RowStatus.NIL}
    if not any(row.status in counted for row in summary.rows):
        return
    fields = {field.key: (field.zh, field.en) for field in type_of(DocumentKind.REPORT).fields}
    tables = []
    for fund, fund_name in source.funds.items():
        rows, totals = summary.rows_of(fund), summary.totals_fen(fund)
        absent = [row for row in rows if row.status not in counted]
        for part, keys in ((("收支与结余", "balances"), _BALANCES), (("支出分项", "spending"), _SPENDING)):
            tables.append(
                PaperTable(
                    heading=f"{fund_name} · {source.either(part)}",
                    above=(source.unit_line,),
                    columns=(
                        source.county_column,
                        source.code(("状态", "State"), 8),
                        *(source.money(fields[key], 13) for key in keys),
                    ),
                    rows=tuple(_summary_row(source, row, keys) for row in rows),
                    total=(
                        source.total_word,
                        f"{len(rows) - len(absent)}/{len(rows)}",
                        *(totals[key] for key in keys),
                    ),
                    below=_left_out(source, absent),
                )
            )
    yield source.paper(
        PaperKind.EXPENDITURE,
        text=(say(f"所属月份：{source.month_name}", f"Month reported on: {source.month_name}"),),
        tables=tuple(tables),
        notes=source.basis(FILING_DUTY, REPORT_DUTY),
        is_wide=True,
    )


def _summary_row(source: Source, row: SummaryRow, keys: tuple[str, ...]) -> tuple[Cell, ...]:
    figures = row.figures_fen
    amounts: list[Cell] = [None if figures is None else figures.get(key, 0) for key in keys]
    return source.names[row.county], source.either(_ROW_STATES[row.status]), *amounts


def _left_out(source: Source, absent: list[SummaryRow]) -> tuple[str, ...]:
    if not absent:
        return ()
    names = source.say("、", ", ").join(source.names[row.county] for row in absent)
    return (source.say(f"未列入合计：{names}。", f"Not in the totals: {names}."),)


def overdue_circulars(source: Source) -> Iterator[Paper]:
    """逾期通报: which county is or was late with what it files, by which article and by how many days."""
    say = source.say
    status = month_status(
        source.ports,
        source.policy.key,
        source.month,
        now=source.now,
        only_known_then=True,
        snapshot=source.work,
    )
    filed = [duty for duty in status.duties if duty.unit is not None and duty.key in DOCUMENT_OF]
    tables = [
        PaperTable(
            heading=source.either(heading),
            columns=(
                source.county_column,
                source.text(("应办事项", "Duty"), 18),
                source.code(("期限", "Due"), 11),
                source.code(("办理日期", "Done"), 11),
                source.code(("逾期天数", "Days late"), 10),
                source.text(("依据", "Basis"), 24),
            ),
            rows=tuple(_overdue_row(source, duty) for duty in late),
        )
        for state, heading in (
            (DutyState.OVERDUE, ("一、至今未办理", "1. Not done yet")),
            (DutyState.DONE_LATE, ("二、已办理，但逾期", "2. Done, but late")),
        )
        if (late := [duty for duty in filed if duty.state is state])
    ]
    if not tables:
        return
    until = day_of(source.now)
    yield source.paper(
        PaperKind.OVERDUE,
        text=(
            say(
                f"截至{until.year}年{until.month}月{until.day}日，{source.month_name}应办事项逾期情况通报如下。尚未办理的，请立即办理。",
                f"Duties of {source.month_name} that were overdue on {until}. What is not done yet is to be done at once.",
            ),
        ),
        tables=tuple(tables),
    )


def _overdue_row(source: Source, duty: DutyStatus) -> tuple[Cell, ...]:
    name = source.policy.duty_names[duty.key]
    due = max(day for day in (duty.due, duty.extended_until) if day is not None)
    return (
        source.names[duty.unit or source.policy.division_code],
        source.say(name.name_zh, name.name_en),
        due.isoformat(),
        UNKNOWN if duty.done_at is None else day_of(duty.done_at).isoformat(),
        UNKNOWN if duty.days_late is None else str(duty.days_late),
        f"{duty.basis.document} {duty.basis.section}",
    )


def return_slips(source: Source) -> Iterator[Paper]:
    """退回单: what a county must correct."""
    return (_slip(source, slip) for slip in _slips(source) if slip.must_correct)


def review_opinions(source: Source) -> Iterator[Paper]:
    """审核意见单: what was found on a county's document, where nothing is to be corrected."""
    return (_slip(source, slip) for slip in _slips(source) if not slip.must_correct)


def _slips(source: Source) -> Iterator[ReturnSlip]:
    """The slips of the counties' latest versions, of the month's documents and of those of its year."""
    counties = [unit.code for unit in source.policy.units if source.is_wanted(unit.code)]
    for document in DocumentKind:
        for period in (source.month, Year(source.month.year)):
            if is_of(document, period):
                yield from slips_of(
                    source.work,
                    source.policy,
                    document,
                    month=period,
                    counties=counties,
                    calendar=source.ports.calendar,
                )


def _slip(source: Source, slip: ReturnSlip) -> Paper:
    say = source.say
    kind = PaperKind.RETURN_SLIP if slip.must_correct else PaperKind.REVIEW_OPINION
    document = type_of(DocumentKind(slip.document))
    (county,) = slip.counties
    zh, en, why_zh, why_en = slip.what_to_do
    text = [
        say(
            f"文件：{slip.file}（第 {slip.version} 版）　检查 {slip.evaluated}/{slip.declared} 项",
            f"File: {slip.file} (version {slip.version}), checks: {slip.evaluated}/{slip.declared}",
        ),
        f"SHA-256: {slip.sha256}",
    ]
    if slip.returned is not None:
        day = day_of(slip.returned.at)
        text.append(
            say(
                f"退回理由：{slip.returned.reason}（{slip.returned.by}，{day}）",
                f"Returned because: {slip.returned.reason} ({slip.returned.by}, {day})",
            )
        )
    text.append(say(f"{zh}。{why_zh}", f"{en[:1].upper()}{en[1:]}. {why_en}").strip())
    tables = [_findings_table(source, slip)] if slip.findings else []
    if slip.correction is not None:
        tables.append(_correction_table(source, slip))
    return source.paper(
        kind,
        f"{county}/{slip.document}/{slip.version}",
        period=slip.month,
        title=source.city_name
        + say(f"{document.zh}{slip.name_zh}", f" {document.en}: {kind.in_words('en')}"),
        addressee=source.office("county_agency", county),
        text=tuple(text),
        tables=tuple(tables),
        is_wide=True,
    )


def _findings_table(source: Source, slip: ReturnSlip) -> PaperTable:
    return PaperTable(
        columns=(
            source.code(("序号", "No."), 5),
            source.code(("程度", "Severity"), 8),
            source.code(("单元格", "Cell"), 8),
            source.code(("险种", "Fund"), 9),
            source.text(("问题", "Finding"), 30),
            source.text(("填报为", "Found"), 13),
            source.text(("应为", "Expected"), 13),
            source.text(("请", "What to do"), 22),
            source.text(("依据", "Basis"), 20),
        ),
        rows=tuple(
            (
                str(number),
                source.either(_SEVERITIES[finding.severity]),
                finding.cell or "",
                _short_fund(source, slip, finding),
                source.say(finding.message_zh, finding.message_en),
                finding.found or "",
                finding.expected or "",
                source.one_language(finding.remedy or ""),
                source.one_language(finding.basis or ""),
            )
            for number, finding in enumerate(slip.findings, start=1)
        ),
    )


def _short_fund(source: Source, slip: ReturnSlip, finding: Finding) -> str:
    if finding.fund is None:
        return ""
    return source.say(slip.fund_names.get(finding.fund, finding.fund), finding.fund)


def _correction_table(source: Source, slip: ReturnSlip) -> PaperTable:
    assert slip.correction is not None
    groups = (
        (("已更正", "gone"), slip.correction.gone),
        (("仍存在", "still there"), slip.correction.still),
        (("新出现", "new"), slip.correction.new),
    )
    return PaperTable(
        heading=source.say("与上一版相比", "Compared with the version before"),
        columns=(
            source.code(("结果", "Result"), 9),
            source.code(("单元格", "Cell"), 8),
            source.text(("问题", "Finding"), 60),
        ),
        rows=tuple(
            (
                source.either(state),
                finding.cell or "",
                source.say(finding.message_zh, finding.message_en),
            )
            for state, findings in groups
            for finding in findings
        ),
    )


def account_statements(source: Source) -> Iterator[Paper]:
    """对账单: what a bank account held and moved in the month, by the books; once the month is over."""
    if not is_over(source.month, source.now):
        return
    for account in source.accounts:
        entries = source.work.statements.entries(ref_of(account), midnight(source.month.plus(1).first_day))
        if not entries:
            continue
        before_fen = sum(
            entry.amount_fen for entry in entries if day_of(entry.event_at) < source.month.first_day
        )
        # The statement shows days, and banks' clocks differ: of a day the receipts come first, so that no balance
        # below nil stands between two movements of a day.
        moved = sorted(
            (entry for entry in entries if day_of(entry.event_at) >= source.month.first_day),
            key=lambda entry: (day_of(entry.event_at), entry.amount_fen < 0, entry.event_at),
        )
        yield _of_account(
            source,
            PaperKind.STATEMENT,
            account,
            tables=(
                PaperTable(
                    above=(source.unit_line,),
                    columns=(
                        source.code(("日期", "Date"), 11),
                        source.text(("摘要", "Entry"), 20),
                        source.text(("凭据", "Reference"), 30),
                        source.money(("收入", "Receipts"), 14),
                        source.money(("支出", "Payments"), 14),
                        source.money(("余额", "Balance"), 14),
                    ),
                    rows=tuple(_statement_rows(source, moved, before_fen=before_fen)),
                    total=(
                        "",
                        source.say("本月合计与期末余额", "Month's totals, closing balance"),
                        "",
                        sum(entry.amount_fen for entry in moved if entry.amount_fen > 0),
                        -sum(entry.amount_fen for entry in moved if entry.amount_fen < 0),
                        before_fen + sum(entry.amount_fen for entry in moved),
                    ),
                ),
            ),
            is_wide=True,
        )


def _statement_rows(source: Source, moved: list[CashEntry], *, before_fen: int) -> Iterator[tuple[Cell, ...]]:
    first = source.month.first_day.isoformat()
    yield first, source.say("期初余额", "Opening balance"), "", "", "", before_fen
    balance_fen = before_fen
    for entry in moved:
        balance_fen += entry.amount_fen
        is_receipt = entry.amount_fen > 0
        text = source.either(_FLOWS[entry.flow])
        if entry.reverses is not None:
            text = source.say(f"冲销：{text}", f"reversal: {text}")
        yield (
            day_of(entry.event_at).isoformat(),
            text,
            entry.attempt_key or entry.memo or "",
            entry.amount_fen if is_receipt else "",
            "" if is_receipt else -entry.amount_fen,
            balance_fen,
        )


def bank_reconciliations(source: Source) -> Iterator[Paper]:
    """银行存款余额调节表 of each account whose statements the city keeps; once the month is over."""
    if not is_over(source.month, source.now):
        return
    accounts = {(account.account_type, account.unit, account.fund): account for account in source.accounts}
    for form in reconciliations(
        source.work, source.policy.key, source.month, terms=source.ports.gateway_terms
    ):
        account = accounts.get((form.account_type, form.unit, form.fund))
        if account is not None:
            yield _of_account(
                source,
                PaperKind.RECONCILIATION,
                account,
                tables=(_balances_table(source, form), *_open_items(source, form)),
                notes=tuple(_reconciliation_notes(source, form)),
                is_wide=True,
            )


def is_over(month: Month, now: datetime) -> bool:
    """Whether the month has ended: no paper closes an account before."""
    return day_of(now) > month.last_day


def _of_account(source: Source, kind: PaperKind, account: BankAccount, **content: Any) -> Paper:
    """A paper of one bank account, issued by the office of the city that answers for it."""
    type_name = source.either(_ACCOUNTS[account.account_type])
    return source.paper(
        kind,
        f"{account.unit}/{account.account_type}/{account.fund}",
        signing_units=(source.office(owner_of(account.account_type)),),
        text=(
            source.say(
                f"户名：{account.account_name}（{source.names.get(account.unit, account.unit)} {type_name}）　开户行："
                f"{account.bank_name}　账号：{account.account_no}",
                f"Account: {account.account_name} ({source.names.get(account.unit, account.unit)}, {type_name}), "
                f"bank: {account.bank_name}, number: {account.account_no}",
            ),
            source.say(
                f"险种：{source.funds[account.fund]}　月份：{source.month_name}（截至 {source.month.last_day}）",
                f"Fund: {source.funds[account.fund]}, month: {source.month_name} (until {source.month.last_day})",
            ),
        ),
        **content,
    )


def _balances_table(source: Source, form: BankReconciliation) -> PaperTable:
    say = source.say
    item, amount = ("项目", "Item"), ("金额", "Amount")
    plus, minus = say("加：", "Plus: "), say("减：", "Less: ")
    rows: list[tuple[Cell, ...]] = [
        (
            say("单位账面余额", "Balance by the books"),
            form.book_fen,
            say("银行对账单余额", "Balance by the bank's statement"),
            form.bank_fen,
        )
    ]
    for sign, ours, theirs in (
        (plus, ItemKind.BANK_RECEIVED, ItemKind.BOOKED_RECEIPT),
        (minus, ItemKind.BANK_PAID, ItemKind.BOOKED_PAYMENT),
    ):
        rows.append(
            (
                sign + source.either(_ITEM_KINDS[ours]),
                form.total_fen(ours),
                sign + source.either(_ITEM_KINDS[theirs]),
                form.total_fen(theirs),
            )
        )
    adjusted = say("调节后余额", "Adjusted balance")
    return PaperTable(
        above=(source.unit_line,),
        columns=(
            source.text(item, 24),
            source.money(amount, 16),
            source.text(item, 24),
            source.money(amount, 16),
        ),
        rows=tuple(rows),
        total=(adjusted, form.adjusted_book_fen, adjusted, form.adjusted_bank_fen),
    )


def _open_items(source: Source, form: BankReconciliation) -> tuple[PaperTable, ...]:
    """The list of 未达账项, where there are any."""
    if not form.items:
        return ()
    table = PaperTable(
        heading=source.say("未达账项", "Items in transit"),
        columns=(
            source.text(("类别", "Kind"), 18),
            source.code(("日期", "Date"), 11),
            source.money(("金额", "Amount"), 14),
            source.text(("流水号或凭据", "Serial or reference"), 24),
            source.text(("拨付款项", "Payment"), 20),
            source.text(("责任人", "Owner"), 14),
            source.code(("账龄（天）", "Age in days"), 12),
        ),
        rows=tuple(
            (
                source.either(_ITEM_KINDS[item.kind]),
                item.day.isoformat(),
                item.amount_fen,
                item.reference,
                item.transfer or UNKNOWN,
                _owner(source, item.owner),
                str(item.age_days),
            )
            for item in form.items
        ),
    )
    return (table,)


def _owner(source: Source, owner: str | None) -> str:
    """An office, or the person who was named."""
    if owner is None:
        return UNKNOWN
    return source.office(owner) if owner in source.policy.actors else owner


def _reconciliation_notes(source: Source, form: BankReconciliation) -> Iterator[str]:
    say = source.say
    if form.difference_fen is None:
        yield say("结论：银行余额未取得。", "Result: the bank's balance is not known.")
    elif form.is_balanced:
        yield say("结论：调节后相符。", "Result: both adjusted balances agree.")
    else:
        difference = format_yuan(form.difference_fen)
        yield say(
            f"结论：不符，差额（账面减银行）{difference} 元。",
            f"Result: they differ by {difference} yuan (books less bank).",
        )
    if form.bank_source is not None:
        rests_on = source.either(_BALANCE_SOURCES[form.bank_source])
        yield say(f"银行余额依据：{rests_on}。", f"The bank's balance is {rests_on}.")
    if form.missing_days:
        days = say("、", ", ").join(f"{day:%m-%d}" for day in form.missing_days[:10])
        more = say(f"等 {len(form.missing_days)} 天", f" and more, {len(form.missing_days)} days")
        yield say(
            f"对账单未到齐或未定稿：{days}{more if len(form.missing_days) > 10 else ''}。",
            f"Days without a final statement: {days}{more if len(form.missing_days) > 10 else ''}.",
        )
    yield say(
        "未达账项由责任人逐笔查清，本表不自动核销任何一笔。",
        "The owners clear every item; this form writes nothing off.",
    )


PAPERS: Mapping[PaperKind, Callable[[Source], Iterator[Paper]]] = {
    PaperKind.PLAN_SUMMARY: plan_summaries,
    PaperKind.APPLICATION: applications,
    PaperKind.ALLOCATION: allocation_notices,
    PaperKind.EXPENDITURE: expenditure_summaries,
    PaperKind.OVERDUE: overdue_circulars,
    PaperKind.RETURN_SLIP: return_slips,
    PaperKind.REVIEW_OPINION: review_opinions,
    PaperKind.STATEMENT: account_statements,
    PaperKind.RECONCILIATION: bank_reconciliations,
}
