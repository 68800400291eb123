"""Links to a unit's calendar: calendar programs cannot log in, so the address itself bears a secret.

The secret is an HMAC under the installation's seal key over account, unit and password hash. Nothing is stored: a new
password, or the account's end, ends every link of the account.
"""

import hmac

from fundpool.domain.accounts import Account
from fundpool.domain.errors import RuleViolation
from fundpool.domain.policy import CityPolicy
from fundpool.domain.rights import Right
from fundpool.services.ports.work import Work
from fundpool.services.users.accounts import find_account


def calendar_secret(work: Work, account: Account, city: str, *, unit: str) -> str:
    """The secret of the account's link to the unit's calendar, 64 hex digits."""
    return work.seals.of_values("calendar link", account.name, city, unit, account.password_hash)


def may_follow(account: Account, policy: CityPolicy, unit: str) -> bool:
    """Whether the account may read the unit's calendar: a county's its own, the city's every unit of the city."""
    is_office = unit in policy.actors
    try:
        account.require(Right.READ_CITY if is_office else Right.READ_COUNTY)
        account.require_place(policy.key, None if is_office else unit)
    except RuleViolation:
        return False
    return True


def follows(work: Work, policy: CityPolicy, unit: str, *, secret: str) -> bool:
    """Whether the secret is that of an account which may read the unit's calendar now."""
    for known in work.users.all():
        expected = calendar_secret(work, known, policy.key, unit=unit)
        if hmac.compare_digest(expected.encode(), secret.encode()):
            account = find_account(work, known.name)  # raises where the row was changed behind the program
            return account is not None and may_follow(account, policy, unit)
    return False
