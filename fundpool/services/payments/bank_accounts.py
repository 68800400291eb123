"""The register of bank accounts: one person enters, another approves; files alone change nothing."""

from datetime import datetime, timedelta

from fundpool.domain.chart_of_accounts import CASH
from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.people import person, require_other_person
from fundpool.domain.transfer import AccountStatus, BankAccount
from fundpool.services.ports.money_ports import AccountProposal
from fundpool.services.ports.work import Work


def propose_account(work: Work, proposal: AccountProposal, maker: str, *, now: datetime) -> BankAccount:
    """Enter an account; the same entry again is the same version.

    Raises InputError for an empty number or name or an account type that no bank keeps.
    """
    maker = person(maker)
    if proposal.account_type not in CASH or not proposal.account_no or not proposal.account_name:
        raise InputError(
            "account_incomplete",
            f"账户须有类型、账号和户名：{proposal.unit} {proposal.account_type} {proposal.account_no!r}",
            f"an account needs a type, a number and a name: {proposal.unit} {proposal.account_type} "
            f"{proposal.account_no!r}",
        )
    account = work.accounts.propose(proposal, maker, now)
    if account.proposed_at == now and account.status is AccountStatus.PROPOSED:
        work.audit.append(
            at=now,
            actor=maker,
            action="propose_account",
            subject=f"bank_account:{account.id}",
            after={
                "account_no": account.account_no,
                "name": account.account_name,
                "version": account.version,
            },
        )
    return account


def approve_account(
    work: Work, account_id: int, checker: str, *, now: datetime, cool_off: timedelta = timedelta()
) -> BankAccount:
    """Approve an entry; it replaces the approved version and may be used after ``cool_off``.

    Raises RuleViolation ``same_person`` when the maker checks himself.
    """
    checker = person(checker)
    account = work.accounts.get(account_id)
    if account.status is AccountStatus.APPROVED:
        return account
    if account.status is AccountStatus.RETIRED:
        raise RuleViolation(
            "account_retired",
            f"第 {account_id} 号账户登记已被新版本取代",
            f"account entry {account_id} was replaced by a newer version",
        )
    require_other_person(checker, account.maker, act_zh="账户复核", act_en="approving an account")
    approved = work.accounts.approve(account, checker, now, usable_from=now + cool_off)
    work.audit.append(
        at=now,
        actor=checker,
        action="approve_account",
        subject=f"bank_account:{account_id}",
        before={"status": account.status.value},
        after={"status": approved.status.value, "account_no": approved.account_no},
    )
    return approved


def approve_proposed(
    work: Work, account_id: int | None, city: str | None, *, checker: str, now: datetime
) -> list[BankAccount]:
    """Approve one entry, or (no ``account_id``) every entry of the city that waits for it.

    Raises InputError ``account_not_named`` when neither is given, and what ``approve_account`` raises.
    """
    if account_id is not None:
        return [approve_account(work, account_id, checker, now=now)]
    if city is None:
        raise InputError(
            "account_not_named",
            "须给出登记号或统筹区",
            "name an entry or a city",
            remedy="fundpool accounts approve 12 --by 姓名 / --city taizhou",
        )
    proposed = work.accounts.find(city, status=AccountStatus.PROPOSED)
    return [approve_account(work, account.id, checker, now=now) for account in proposed]
