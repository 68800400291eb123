"""Who may do what: the role of an account, and the rights that each role has.

Business, its check, paying out, audit and the administration of users and of the machine are never in one hand
(社会保险经办机构内部控制：岗位不相容): an account has one role, so that every pair of roles is forbidden.
"""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """The one post that an account holds."""

    COUNTY_SUBMIT = "county_submit"
    """County's clerk (县区经办): files for its own county and sees nothing of any other."""
    MAKER = "maker"
    """The city's clerk (经办): enters, reviews, orders."""
    CHECKER = "checker"
    """The second person (复核): confirms what the clerk did, approves payments."""
    RELEASER = "releaser"
    """Fund finance (财务支付): finance's review, releases what others ordered and approved."""
    AUDITOR = "auditor"
    """Audit (稽核): reads everything, changes nothing."""
    SEC_ADMIN = "sec_admin"
    """Administrator of users (安全管理员); no business."""
    SYS_ADMIN = "sys_admin"
    """Administrator of the machine (系统管理员); neither business nor users."""


class Right(StrEnum):
    """What a page or a command needs of whoever calls it."""

    READ_COUNTY = "read_county"
    """Pages of a county; a county's account only those of its own."""
    READ_CITY = "read_city"
    """Pages of the whole city."""
    AUDIT = "audit"
    """The audit trail, received files, samples with their evidence."""
    FILE = "file"
    """File documents and nil returns."""
    RECORD = "record"
    """Enter budgets, openings, extensions, waivers, bank accounts, bookings and statements."""
    REVIEW = "review"
    """Propose an amount for what a county filed, or return it."""
    CONFIRM_REVIEW = "confirm_review"
    APPROVE_ACCOUNT = "approve_account"
    """Approve a bank account that was entered."""
    REVIEW_APPLICATION = "review_application"
    """Finance's review of an application (财政复核)."""
    ORDER_PAYMENT = "order_payment"
    APPROVE_PAYMENT = "approve_payment"
    RELEASE_PAYMENT = "release_payment"
    DECIDE_PAYMENT = "decide_payment"
    """Decide about a payment that went wrong, close a break, start a stopped fund again; mostly in twos."""
    OPERATE = "operate"
    """Run steps, open and close a month, hold a payment, stop a fund: nothing is paid that was not released."""
    MANAGE_USERS = "manage_users"
    MAINTAIN = "maintain"
    """Put a backup back."""


READING = frozenset({Right.READ_COUNTY, Right.READ_CITY, Right.AUDIT})
"""Rights that change nothing."""

_CITY = frozenset({Right.READ_COUNTY, Right.READ_CITY})

RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.COUNTY_SUBMIT: frozenset({Right.READ_COUNTY, Right.FILE}),
    Role.MAKER: _CITY | {Right.FILE, Right.RECORD, Right.REVIEW, Right.ORDER_PAYMENT, Right.OPERATE},
    Role.CHECKER: _CITY
    | {
        Right.CONFIRM_REVIEW,
        Right.APPROVE_ACCOUNT,
        Right.APPROVE_PAYMENT,
        Right.DECIDE_PAYMENT,
        Right.OPERATE,
    },
    Role.RELEASER: _CITY
    | {Right.REVIEW_APPLICATION, Right.RELEASE_PAYMENT, Right.DECIDE_PAYMENT, Right.OPERATE},
    Role.AUDITOR: READING,
    Role.SEC_ADMIN: frozenset({Right.MANAGE_USERS}),
    Role.SYS_ADMIN: frozenset({Right.MAINTAIN}),
}
