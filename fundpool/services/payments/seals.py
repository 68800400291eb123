"""Whether what a payment rests on is still what people decided (see ``fundpool.domain.sealing``)."""

from collections.abc import Sequence

from fundpool.domain.application import Application
from fundpool.domain.errors import RuleViolation
from fundpool.domain.transfer import BankAccount, Batch, Obligation
from fundpool.services.ports.work import Work


def broken_seal(what: str) -> RuleViolation:
    """A record that does not bear its seal: it was changed in the database, by no act of the program."""
    return RuleViolation(
        "seal_broken",
        f"{what} 与批准时的封签不符：有人绕过程序改动了数据库",
        f"{what} does not bear its seal: somebody changed it in the database, behind the program",
        remedy="停止操作，核验并查清 / stop and look into it: fundpool audit verify --full；docs/reliability.md",
    )


def require_whole(work: Work, obligation: Obligation, batch: Batch | None = None) -> None:
    """Raise RuleViolation ``seal_broken`` unless payment, batch, accounts and orders are as they were sealed."""
    require_batch_whole(work, batch or work.transfers.batch(obligation.batch_id), [obligation])
    require_orders_whole(work, obligation)


def require_orders_whole(work: Work, obligation: Obligation) -> None:
    """Raise RuleViolation ``seal_broken`` unless what the books say of its orders is what they were told."""
    for attempt in work.transfers.attempts(obligation.id):
        if not work.seals.hold(attempt):
            raise broken_seal(f"attempt {attempt.key}")


def require_batch_whole(work: Work, batch: Batch, obligations: Sequence[Obligation]) -> list[BankAccount]:
    """The accounts of these payments of the batch.

    Raises RuleViolation ``seal_broken`` unless the batch, the payments and the accounts are as they were sealed.
    """
    if not work.seals.hold(batch):
        raise broken_seal(f"batch {batch.key}")
    used: set[int] = set()
    for obligation in obligations:
        if not work.seals.hold(obligation):
            raise broken_seal(f"obligation {obligation.key}")
        used |= {obligation.debit_account_id, obligation.credit_account_id}
    if len(obligations) == 1:
        accounts = [work.accounts.get(account_id) for account_id in sorted(used)]
    else:
        accounts = [each for each in work.accounts.find(batch.city, batch.fund) if each.id in used]
    if len(accounts) != len(used):
        raise broken_seal(f"batch {batch.key}")  # an account of another city or fund
    for account in accounts:
        require_account_whole(work, account)
    return accounts


def require_account_whole(work: Work, account: BankAccount) -> None:
    """Raise RuleViolation ``seal_broken`` unless the account is the one that two people entered and approved."""
    if not work.seals.hold(account):
        raise broken_seal(f"bank_account {account.id} {account.unit} {account.account_type}")


def require_application_whole(work: Work, application: Application) -> None:
    """Raise RuleViolation ``seal_broken`` unless every line is what finance reviewed."""
    place = (application.city, str(application.month), application.fund, application.number)
    for line in application.lines:
        if not work.seals.hold(line, *place):
            raise broken_seal(f"application {' '.join(map(str, place))} {line.county}")
