"""Whether what a payment rests on is still what people decided (see ``fundpool.domain.sealing``)."""

from collections.abc import Mapping, Sequence
from typing import Any

from fundpool.domain.application import Application
from fundpool.domain.errors import RuleViolation
from fundpool.domain.transfer import Attempt, BankAccount, Batch, Obligation
from fundpool.services.ports.latest_seals import RowName, name_of
from fundpool.services.ports.work import Work


def broken_seal(what: str) -> RuleViolation:
    """A record that does not bear its seal: it was changed in the database, by no act of the program."""
    return RuleViolation(
        "seal_broken",
        f"{what} 与批准时的封签不符：有人绕过程序改动了数据库",
        f"{what} does not bear its seal: somebody changed it in the database, behind the program",
        remedy="停止操作，核验并查清 / stop and look into it: fundpool audit verify --full；docs/reliability.md",
    )


def _put_back(name: RowName) -> RuleViolation:
    """A row that is not as the program wrote it last, or is gone, though what stands there may bear a good seal."""
    return RuleViolation(
        "row_put_back",
        f"{name.table} {name.key} 不是程序最后写下的内容：有人绕过程序把它改回了以前的内容，或删除了它",
        f"{name.table} {name.key} is not what the program wrote last: somebody put an earlier version back, or "
        "deleted it, behind the program",
        remedy="停止操作，核验并查清 / stop and look into it: fundpool audit verify --full；docs/reliability.md",
    )


def require_latest(work: Work, *records: Any, **further: object) -> None:
    """Raise RuleViolation ``row_put_back`` unless each record is the latest version of its row.

    ``further``: what names their rows besides (see ``name_of``). Whether they are as sealed is another question.
    """
    require_equal(work.latest.of_rows(seals := _seals(records, further)), seals)


def require_all_latest(work: Work, table: str, place: str, *records: Any, **further: object) -> None:
    """Raise RuleViolation ``row_put_back`` unless these are all rows of the place, each in its latest version."""
    require_equal(work.latest.of_place(table, place), _seals(records, further))


def _seals(records: Sequence[Any], further: Mapping[str, object]) -> dict[RowName, str | None]:
    return {name_of(record, **further): record.seal for record in records}


def require_equal(latest: Mapping[RowName, str], standing: Mapping[RowName, str | None]) -> None:
    """Raise RuleViolation ``row_put_back`` unless the rows that stand there bear their latest seals."""
    if latest != standing:
        names = latest.keys() | standing.keys()
        first = min(each for each in names if latest.get(each) != standing.get(each))
        raise _put_back(first)


def require_whole(work: Work, obligation: Obligation, batch: Batch | None = None) -> None:
    """Raise RuleViolation unless payment, batch, accounts and orders are as they were sealed.

    ``seal_broken``, or ``row_put_back`` where one of them is an earlier version.
    """
    attempts = work.attempts.of_obligation(obligation.id)
    require_batch_whole(
        work, batch or work.payments.batch(obligation.batch_id), [obligation], attempts=attempts
    )
    _require_sealed(work, attempts)


def require_orders_whole(work: Work, obligation: Obligation) -> None:
    """Raise RuleViolation ``seal_broken`` unless the payment's orders in the books bear their seals."""
    _require_sealed(work, work.attempts.of_obligation(obligation.id))


def _require_sealed(work: Work, attempts: Sequence[Attempt]) -> None:
    for attempt in attempts:
        if not work.seals.hold(attempt):
            raise broken_seal(f"attempt {attempt.key}")


def require_batch_whole(
    work: Work, batch: Batch, obligations: Sequence[Obligation], *, attempts: Sequence[Attempt] = ()
) -> list[BankAccount]:
    """The accounts of these payments of the batch.

    Raises RuleViolation ``seal_broken`` unless the batch, the payments and the accounts are as they were
    sealed, ``row_put_back`` unless they, and these ``attempts``, are the latest versions.
    """
    if not work.seals.hold(batch):
        raise broken_seal(f"batch {batch.key}")
    used: set[int] = set()
    for obligation in obligations:
        if not work.seals.hold(obligation):
            raise broken_seal(f"obligation {obligation.key}")
        used |= {obligation.debit_account_id, obligation.credit_account_id}
    accounts = work.accounts.get_all(sorted(used))
    if any((account.city, account.fund) != (batch.city, batch.fund) for account in accounts):
        raise broken_seal(f"batch {batch.key}")
    for account in accounts:
        require_account_whole(work, account)
    require_latest(work, batch, *obligations, *attempts, *accounts)
    return accounts


def require_account_whole(work: Work, account: BankAccount) -> None:
    """Raise RuleViolation ``seal_broken`` unless the account is the one that two people entered and approved."""
    if not work.seals.hold(account):
        raise broken_seal(f"bank_account {account.id} {account.unit} {account.account_type}")


def require_application_whole(work: Work, application: Application) -> None:
    """Raise RuleViolation ``seal_broken`` or ``row_put_back`` unless every line is what finance reviewed."""
    place = (application.city, str(application.month), application.fund, application.number)
    for line in application.lines:
        if not work.seals.hold(line, *place):
            raise broken_seal(f"application {' '.join(map(str, place))} {line.county}")
    city, month, fund, number = place
    require_latest(work, *application.lines, city=city, month=month, fund=fund, number=number)
