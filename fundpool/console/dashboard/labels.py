"""What every code of the month is called on a page, and its icon and tone.

Colour never speaks alone: each label has a word and an icon of its own. A code that is not
listed here is shown as it is, in the tone of a warning, rather than hidden.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from fundpool.domain.rights import Role
from fundpool.domain.timeliness import DutyState
from schemas.dashboard import DutyStatus


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "extract, translate later"
    """Mark a message for extraction."""
    return message


@dataclass(frozen=True, slots=True)
class Label:
    """Word, icon (an id of the page's sprite) and tone (a class of the style sheet)."""

    text: str
    icon: str
    tone: str


DUTY_STATES: Mapping[str, Label] = {
    "upcoming": Label(N_("Not due yet"), "circle", "quiet"),
    "due_soon": Label(N_("Due soon"), "clock", "soon"),
    "done_on_time": Label(N_("On time"), "check", "ok"),
    "done_late": Label(N_("Done late"), "check-late", "late"),
    "overdue": Label(N_("Overdue"), "alert", "bad"),
    "returned": Label(N_("Returned"), "return", "returned"),
    "extended": Label(N_("Extended"), "extend", "extended"),
    "nil": Label(N_("Nil return"), "nil", "ok"),
}
"""``done_late`` is over, ``overdue`` is not: the first is a fact to know, the second work to chase."""

STEP_STATES: Mapping[str, Label] = {
    "not_started": Label(N_("Not started"), "circle", "quiet"),
    "running": Label(N_("Running"), "clock", "soon"),
    "waiting": Label(N_("Waiting"), "clock", "soon"),
    "done": Label(N_("Done"), "check", "ok"),
    "flagged": Label(N_("Look at it"), "check-late", "late"),
    "failed": Label(N_("Failed"), "alert", "bad"),
}

TRANSFER_STATES: Mapping[str, Label] = {
    "submitted": Label(N_("Awaiting approval"), "clock", "soon"),
    "approved": Label(N_("Approved, not released"), "clock", "soon"),
    "released": Label(N_("Released"), "clock", "soon"),
    "in_flight": Label(N_("With the bank"), "clock", "soon"),
    "settled": Label(N_("Paid and booked"), "check", "ok"),
    "failed": Label(N_("Rejected by the bank"), "alert", "bad"),
    "retry_approved": Label(N_("Retry approved"), "clock", "soon"),
    "returned": Label(N_("Sent back by the bank"), "return", "returned"),
    "partly_returned": Label(N_("Partly sent back by the bank"), "return", "returned"),
    "unknown": Label(N_("Outcome unknown"), "question", "bad"),
    "held": Label(N_("Held"), "hold", "bad"),
    "anomaly": Label(N_("Anomaly"), "alert", "bad"),
    "cancelled": Label(N_("Cancelled"), "nil", "quiet"),
}

PAID_STATES = frozenset({"settled"})
"""Money that has reached the payee."""

ALARMING_STATES = frozenset({"unknown", "held", "anomaly", "failed", "returned", "partly_returned"})
"""Money whose whereabouts a person must settle; always first on the board."""

ALARM_KINDS: Mapping[str, Label] = {
    "stopped": Label(N_("Sending stopped"), "hold", "bad"),
    "break": Label(N_("Differs from the bank"), "unequal", "bad"),
}

VERDICTS: Mapping[str, Label] = {
    "pass": Label(N_("Passed"), "check", "ok"),
    "review": Label(N_("For review"), "question", "late"),
    "return": Label(N_("To be returned"), "return", "returned"),
}

SEVERITIES: Mapping[str, Label] = {
    "block": Label(N_("Blocks"), "alert", "bad"),
    "review": Label(N_("For review"), "question", "late"),
    "note": Label(N_("Note"), "note", "quiet"),
}

CASE_STATES: Mapping[str, Label] = {
    "ready": Label(N_("Ready for review"), "clock", "soon"),
    "findings": Label(N_("For review, with findings"), "question", "late"),
    "proposed": Label(N_("Awaiting the second person"), "clock", "soon"),
    "approved": Label(N_("Approved"), "check", "ok"),
    "cut": Label(N_("Approved with a cut"), "check-late", "late"),
    "accepted": Label(N_("Accepted"), "check", "ok"),
    "returned": Label(N_("Returned"), "return", "returned"),
}

FLAG_KINDS: Mapping[str, Label] = {
    "unknown": Label(N_("Outcome unknown"), "question", "bad"),
    "held": Label(N_("Held"), "hold", "bad"),
    "failed": Label(N_("Failed"), "alert", "bad"),
    "overdue": Label(N_("Overdue"), "alert", "bad"),
    "missing": Label(N_("Missing"), "alert", "bad"),
    "unreadable": Label(N_("Unreadable file"), "alert", "bad"),
    "returned": Label(N_("Returned"), "return", "returned"),
    "inconsistent": Label(N_("Inconsistent"), "unequal", "late"),
    "late": Label(N_("Done late"), "check-late", "late"),
    "supplementary": Label(N_("Supplementary"), "note", "soon"),
    "extended": Label(N_("Extended"), "extend", "extended"),
    "nil": Label(N_("Nil return"), "nil", "ok"),
}
OPERATING_STEPS: Mapping[str, str] = {
    "plan-collection": N_("Plan collection"),
    "plan-review": N_("Plan review"),
    "funds-application": N_("Funds application"),
    "disbursement": N_("Disbursement"),
    "allocation": N_("Allocation"),
    "expenditure-reporting": N_("Expenditure reporting"),
    "report-filing": N_("Report filing"),
    "document-collection": N_("Other documents"),
    "reconciliation": N_("Reconciliation"),
    "flags": N_("Flags"),
}

POSTS: Mapping[str, str] = {
    "reviewer": N_("reviewer"),
    "checker": N_("checker"),
    "approver": N_("approver"),
    "releaser": N_("releaser"),
    "bank": N_("bank"),
    "operator": N_("operator"),
    "clock": N_("the daily clock"),
}
"""Whose turn it is inside an office; the offices themselves are named by the policy files."""

ACCOUNT_STATES: Mapping[str, Label] = {
    "enabled": Label(N_("Enabled"), "check", "ok"),
    "locked": Label(N_("Locked out"), "hold", "bad"),
    "disabled": Label(N_("Disabled"), "nil", "quiet"),
    "unused": Label(N_("Unused for 90 days"), "clock", "late"),
}


@dataclass(frozen=True, slots=True)
class RoleWords:
    """What a role is called, what its person does, and why nobody else's role goes with it."""

    name: str
    does: str
    why_apart: str


ROLES: Mapping[Role, RoleWords] = {
    Role.COUNTY_SUBMIT: RoleWords(
        N_("County's clerk"),
        N_("files for its own county, and sees no other"),
        N_("who files does not review what was filed"),
    ),
    Role.MAKER: RoleWords(
        N_("Maker"),
        N_("enters, reviews, orders payments"),
        N_("who proposes or orders does not confirm or pay it"),
    ),
    Role.CHECKER: RoleWords(
        N_("Checker"),
        N_("confirms reviews, approves bank accounts and payments"),
        N_("who approves neither ordered nor releases"),
    ),
    Role.RELEASER: RoleWords(
        N_("Releaser"),
        N_("finance's review, releases payments"),
        N_("money leaves by a third hand alone"),
    ),
    Role.AUDITOR: RoleWords(
        N_("Auditor"),
        N_("reads everything, changes nothing"),
        N_("nobody audits their own acts"),
    ),
    Role.SEC_ADMIN: RoleWords(
        N_("Security administrator"),
        N_("accounts of people; no business"),
        N_("who grants rights has none to grant to themselves"),
    ),
    Role.SYS_ADMIN: RoleWords(
        N_("System administrator"),
        N_("puts backups back; neither business nor accounts"),
        N_("who can put the books back does not work in them"),
    ),
}

ACTS: Mapping[str, str] = {
    "receive_file": N_("Filed a document"),
    "record_nil_return": N_("Declared a nil return"),
    "record_waiver": N_("Recorded a waiver"),
    "record_extension": N_("Recorded an extension"),
    "record_budget": N_("Recorded a budget"),
    "propose_review": N_("Proposed an amount"),
    "confirm_review": N_("Confirmed an amount"),
    "return_document": N_("Returned a document"),
    "finance_review": N_("Reviewed an application"),
    "apply_for_funds": N_("Applied for funds"),
    "propose_account": N_("Entered a bank account"),
    "approve_account": N_("Approved a bank account"),
    "order_batch": N_("Ordered payments"),
    "order_again": N_("Ordered a payment anew"),
    "approve_batch": N_("Approved payments"),
    "release_batch": N_("Released payments"),
    "approve_retry": N_("Approved another attempt"),
    "confirm_absence": N_("Confirmed that the bank has no such payment"),
    "cancel": N_("Cancelled a payment"),
    "hold": N_("Held a payment"),
    "look_again": N_("Had the bank asked again"),
    "stop_fund": N_("Stopped a fund"),
    "request_restart": N_("Asked to start a fund again"),
    "confirm_restart": N_("Started a fund again"),
    "assign_break": N_("Took on a difference"),
    "resolve_break": N_("Closed a difference"),
    "match_receipt": N_("Matched a receipt"),
    "book": N_("Booked"),
    "close_month": N_("Closed a month"),
    "file_summary": N_("Filed the summary"),
    "import_statement_file": N_("Took in a bank statement"),
    "state_bank_balance": N_("Stated a bank balance"),
    "add_user": N_("Added an account"),
    "enable_user": N_("Enabled an account"),
    "lock_user": N_("Locked an account after wrong passwords"),
    "disable_user": N_("Disabled an account"),
    "set_password": N_("Set a password"),
    "issue_token": N_("Issued a token"),
    "revoke_token": N_("Revoked a token"),
}
"""What somebody did, by the action of the audit trail."""

FUNDS: Mapping[str, str] = {
    "employee": N_("Employee scheme"),
    "resident": N_("Resident scheme"),
}
"""Funds that nearly every city has; any other is called what the city's policy calls it."""

ACCOUNT_TYPES: Mapping[str, str] = {
    "fiscal_account": N_("Fiscal account"),
    "city_expenditure": N_("City expenditure account"),
    "county_expenditure": N_("County expenditure account"),
    "county_fiscal": N_("County fiscal account"),
    "income_account": N_("Income account"),
    "treasury": N_("Treasury"),
}

CERTAINTY: Mapping[str, str] = {
    "forecast": N_("forecast from the latest permitted day"),
    "provisional": N_("provisional: the holiday notice is not published"),
}
"""Why a due date is less than confirmed; ``confirmed`` needs no word."""


def label_of_duty(duty: DutyStatus, today: date) -> Label:
    """The label of a duty on a day: that of its state, unless its last working day is here or over."""
    left = duty.days_left(today)
    if left is None or left > 0 or duty.state in {DutyState.OVERDUE, DutyState.RETURNED}:
        return label_of(DUTY_STATES, duty.state)
    return TODAY if left == 0 else DAY_OVER


TODAY = Label(N_("Must be done today"), "clock", "late")
DAY_OVER = Label(N_("Last working day is over"), "alert", "bad")
"""No working day is left before the nominal day: nobody is late by the text, and nobody can be in time any more."""


def label_of(labels: Mapping[str, Label], code: str) -> Label:
    """The label of ``code``; an unlisted code is shown as it is, as a warning."""
    return labels.get(code) or Label(code, "question", "late")
