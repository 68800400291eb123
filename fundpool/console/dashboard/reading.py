"""What the pages read: a Protocol, so that pages and services can be proved apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from fundpool.console.commands.explain import lines_of
from fundpool.domain.periods import Month, Year
from fundpool.domain.policy import ActorName, CityPolicy, DutyName, National
from fundpool.services.oversight import overview, status
from fundpool.services.oversight.hindsight import facts_as_of
from fundpool.services.oversight.lineage import Lineage
from fundpool.services.oversight.progress import MonthFacts, month_facts
from fundpool.services.ports.files import SlipFile
from fundpool.services.ports.work import MonthPorts, Work
from schemas.dashboard import CountyMonth, FundBooks, FundMoney, MonthStatus, StandingAlarm, TransferBatch


@dataclass(frozen=True, slots=True)
class Unit:
    """A county or zone of the city's register."""

    code: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class City:
    """A city with its register of units, in the order of the policy file."""

    key: str
    name_zh: str
    name_en: str
    division_code: str
    units: tuple[Unit, ...]
    duty_of_hop: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Which duty a transfer from one kind of account to another fulfils."""
    terms: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """What the policy calls each duty and party, in Chinese and English."""
    funds: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """What the policy calls each fund, in Chinese and English."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The business time that a page is of, read once per request.

    ``is_asked``: somebody asked for this moment, and what was recorded after it is left out.
    """

    at: datetime
    is_asked: bool = False


@dataclass(frozen=True, slots=True)
class BoardReading:
    """What the board shows, of one snapshot: status, money per fund, alarms."""

    status: MonthStatus
    money: Sequence[FundMoney]
    alarms: Sequence[StandingAlarm]


@dataclass(frozen=True, slots=True)
class TransfersReading:
    """What the transfers page shows, of one snapshot: status and batches."""

    status: MonthStatus
    batches: Sequence[TransferBatch]


@dataclass(frozen=True, slots=True)
class CountyReading:
    """What a county's page shows, of one snapshot: its month, and the books of the city's funds."""

    month: CountyMonth
    books: Sequence[FundBooks]


class MonthReader(Protocol):
    """Reads only. Raises FundpoolError when the database is away or the law is silent."""

    def cities(self) -> Sequence[City]:
        """Every city the policies know."""

    def months(self, city: str) -> Sequence[Month]:
        """Months of the city with anything recorded, oldest first."""

    def status(self, city: str, month: Month, moment: Moment) -> MonthStatus:
        """The month as ``fundpool status`` shows it."""

    def board(self, city: str, month: Month, moment: Moment) -> BoardReading:
        """The month's status with its money and what stands in the way of paying."""

    def county(self, city: str, month: Month, unit: str, moment: Moment) -> CountyReading:
        """Files, findings, review cases and transfers of one county's month, and the city's books."""

    def transfers(self, city: str, month: Month, moment: Moment) -> TransfersReading:
        """The month's status, and its transfers as they were approved and released together."""

    def slip(self, city: str, month: Month, document: str, unit: str, version: int) -> SlipFile | None:
        """The return slip of one version; None when there is none on this machine."""

    def lineage(self, transfer: str) -> Sequence[str]:
        """Where a payment comes from, as lines to read. Raises InputError for a payment nobody knows."""

    def books(self, city: str, moment: Moment) -> Sequence[FundBooks]:
        """Balances and trial balance per fund."""

    def ping(self) -> None:
        """Touch the database; raises ServiceUnavailable when it is away."""


class ServiceReader:
    """The reader over the services."""

    def __init__(self, ports: MonthPorts) -> None:
        self._ports = ports

    def cities(self) -> Sequence[City]:
        library = self._ports.policies
        return [_city(policy, library.national) for policy in status.known_cities(self._ports)]

    def months(self, city: str) -> Sequence[Month]:
        return status.months_with_data(self._ports, city)

    def status(self, city: str, month: Month, moment: Moment) -> MonthStatus:
        return status.month_status(self._ports, city, month, moment.at, only_known_then=moment.is_asked)

    def board(self, city: str, month: Month, moment: Moment) -> BoardReading:
        policy = self._ports.policies.city(city)

        def read(work: Work) -> BoardReading:
            return BoardReading(
                self._status(work, city, month, moment),
                overview.fund_money(policy, _facts(work, policy, month, moment)),
                overview.standing_alarms(work, policy.key, moment.at if moment.is_asked else None),
            )

        return self._ports.database.read(read)

    def county(self, city: str, month: Month, unit: str, moment: Moment) -> CountyReading:
        policy = self._ports.policies.city(city)

        def read(work: Work) -> CountyReading:
            shown = status.county_month(
                self._ports,
                city,
                month,
                unit,
                moment.at,
                only_known_then=moment.is_asked,
                snapshot=work,
            )
            return CountyReading(shown, _books(work, policy, moment))

        return self._ports.database.read(read)

    def transfers(self, city: str, month: Month, moment: Moment) -> TransfersReading:
        policy = self._ports.policies.city(city)

        def read(work: Work) -> TransfersReading:
            return TransfersReading(
                self._status(work, city, month, moment),
                overview.month_batches(work, policy, _facts(work, policy, month, moment)),
            )

        return self._ports.database.read(read)

    def _status(self, work: Work, city: str, month: Month, moment: Moment) -> MonthStatus:
        return status.month_status(
            self._ports, city, month, moment.at, only_known_then=moment.is_asked, snapshot=work
        )

    def slip(self, city: str, month: Month, document: str, unit: str, version: int) -> SlipFile | None:
        wanted = (document, unit, version)
        periods = (month, Year(month.year))  # the page shows the documents of the month and of its year
        slips = [slip for period in periods for slip in self._ports.slip_folder.slips(city, period)]
        return next((slip for slip in slips if (slip.document, slip.county, slip.version) == wanted), None)

    def lineage(self, transfer: str) -> Sequence[str]:
        return lines_of(Lineage(self._ports).transfer(transfer))

    def books(self, city: str, moment: Moment) -> Sequence[FundBooks]:
        policy = self._ports.policies.city(city)
        return self._ports.database.read(lambda work: _books(work, policy, moment))

    def ping(self) -> None:
        self._ports.database.read(lambda work: work.audit.head())


def _facts(work: Work, policy: CityPolicy, month: Month, moment: Moment) -> MonthFacts:
    facts = month_facts(work, policy, month)
    return facts_as_of(work, facts, moment.at) if moment.is_asked else facts


def _books(work: Work, policy: CityPolicy, moment: Moment) -> Sequence[FundBooks]:
    return overview.fund_books(work, policy.key, [fund.key for fund in policy.funds], moment.at)


def _city(policy: CityPolicy, national: National) -> City:
    names: dict[str, DutyName | ActorName] = {
        **policy.duty_names(national),
        **national.actors,
        **policy.actors,
    }
    return City(
        key=policy.key,
        name_zh=policy.name_zh,
        name_en=policy.name_en,
        division_code=policy.division_code,
        units=tuple(Unit(unit.code, unit.name_zh, unit.name_en) for unit in policy.units),
        duty_of_hop={
            (hop.from_account, hop.to_account): hop.closes for hop in policy.payment_path if hop.closes
        },
        terms={key: (name.name_zh, name.name_en) for key, name in names.items()},
        funds={fund.key: (fund.name_zh, fund.name_en) for fund in policy.funds},
    )
