"""What the pages read, each page of one snapshot."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from fundpool.adapters.keys.passwords import Argon2Passwords
from fundpool.console.commands.explain import in_words
from fundpool.console.dashboard.door import Door
from fundpool.domain.periods import SHANGHAI, Month, Year
from fundpool.domain.policy import CityPolicy
from fundpool.services.oversight import overview, status
from fundpool.services.oversight.audit_trail import TrailPage, TrailQuestion, trail_page
from fundpool.services.oversight.evidence import (
    DrawnSample,
    EvidenceFile,
    Original,
    draw_payments,
    evidence_of,
    original_file,
)
from fundpool.services.oversight.hindsight import known_facts
from fundpool.services.oversight.leader import LeaderView, leader_view
from fundpool.services.oversight.lineage import Explanation, Lineage
from fundpool.services.oversight.progress import MonthFacts
from fundpool.services.oversight.punctuality import League, league_between
from fundpool.services.payments.installation import known_cities
from fundpool.services.ports.files import SlipFile
from fundpool.services.ports.users import IdentityProvider
from fundpool.services.ports.work import MonthPorts, Work
from schemas.dashboard import CountyMonth, FundBooks, FundMoney, MonthStatus, StandingAlarm, TransferBatch


@dataclass(frozen=True, slots=True)
class Moment:
    """The business time that a page is of, read once per request.

    ``only_known_then``: the reader chose this moment, and what was recorded after it is left out.
    """

    at: datetime
    only_known_then: bool = False

    @property
    def known_until(self) -> datetime | None:
        """Until when what is recorded counts; None: all of it."""
        return self.at if self.only_known_then else None


@dataclass(frozen=True, slots=True)
class BoardReading:
    """What the board shows, of one snapshot: status, money per fund, alarms, cases that wait for each reviewer."""

    status: MonthStatus
    money: Sequence[FundMoney]
    alarms: Sequence[StandingAlarm]
    reviews: Mapping[str, int]


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


class MonthReader:
    """Reads only. Raises FundpoolError when the database is away or the law is silent."""

    def __init__(self, ports: MonthPorts) -> None:
        self.ports = ports

    def door(self, time_of_day: Callable[[], datetime], provider: IdentityProvider | None = None) -> Door:
        """Who is let in to read: the accounts of the same database."""
        return Door(self.ports.database, Argon2Passwords(), time_of_day, provider=provider)

    def cities(self) -> Sequence[CityPolicy]:
        """Every city whose month runs here."""
        return known_cities(self.ports)

    def months(self, city: str, moment: Moment) -> Sequence[Month]:
        """Months of the city with anything recorded at the moment, oldest first."""
        return status.months_with_data(self.ports, city, until=moment.known_until)

    def status(self, city: str, month: Month, moment: Moment) -> MonthStatus:
        """The month as ``fundpool status`` shows it."""
        return status.month_status(
            self.ports, city, month, now=moment.at, only_known_then=moment.only_known_then
        )

    def board(self, city: str, month: Month, moment: Moment) -> BoardReading:
        """The month's status with its money and what stands in the way of paying."""
        policy = self.ports.policies.city(city)

        def read(work: Work) -> BoardReading:
            facts = known_facts(work, policy, month, until=moment.known_until)
            return BoardReading(
                self._status(work, city, month, moment=moment, facts=facts),
                overview.fund_money(policy, facts),
                overview.standing_alarms(work, policy.key, moment.known_until),
                overview.open_reviews(facts),
            )

        return self.ports.database.read(read)

    def county(self, city: str, month: Month, unit: str, *, moment: Moment) -> CountyReading:
        """Files, findings, review cases and transfers of one county's month, and the city's books."""
        policy = self.ports.policies.city(city)

        def read(work: Work) -> CountyReading:
            shown = status.county_month(
                self.ports,
                city,
                month,
                county=unit,
                now=moment.at,
                only_known_then=moment.only_known_then,
                snapshot=work,
            )
            return CountyReading(shown, _books(work, policy, moment))

        return self.ports.database.read(read)

    def transfers(self, city: str, month: Month, moment: Moment) -> TransfersReading:
        """The month's status, and its transfers as they were approved and released together."""
        policy = self.ports.policies.city(city)

        def read(work: Work) -> TransfersReading:
            facts = known_facts(work, policy, month, until=moment.known_until)
            return TransfersReading(
                self._status(work, city, month, moment=moment, facts=facts),
                overview.month_batches(work, policy, facts),
            )

        return self.ports.database.read(read)

    def _status(
        self, work: Work, city: str, month: Month, *, moment: Moment, facts: MonthFacts
    ) -> MonthStatus:
        return status.month_status(
            self.ports,
            city,
            month,
            now=moment.at,
            only_known_then=moment.only_known_then,
            snapshot=work,
            facts=facts,
        )

    def slip(
        self, city: str, month: Month, document: str, *, unit: str, version: int, moment: Moment
    ) -> SlipFile | None:
        """The slip of one version; None when there is (at the moment was) none on this machine."""
        wanted = (document, unit, version)
        periods = (month, Year(month.year))  # the page shows the documents of the month and of its year
        until = moment.known_until
        slips = [slip for each in periods for slip in status.slips_of(self.ports, city, each, until=until)]
        return next((slip for slip in slips if (slip.document, slip.county, slip.version) == wanted), None)

    def lineage(self, transfer: str) -> Explanation:
        """Where a payment comes from. Raises InputError for a payment nobody knows."""
        return Lineage(self.ports).transfer(transfer)

    def leader(self, city: str, month: Month, moment: Moment) -> LeaderView:
        """Late, unpaid, safe, on budget, punctual: the leader's page."""
        return leader_view(self.ports, city, month, now=moment.at, until=moment.known_until)

    def league(self, city: str, first: Month, last: Month, *, moment: Moment) -> League:
        """The counties' league over some months. Raises InputError when nothing of them was kept."""
        return league_between(
            self.ports, city, first=first, last=last, now=moment.at, until=moment.known_until
        )

    def audit_trail(self, question: TrailQuestion, moment: Moment) -> TrailPage:
        """One page of the audit trail."""
        return self.ports.database.read(lambda work: trail_page(work, question, until=moment.known_until))

    def sample(self, city: str, month: Month, *, size: int, seed: str) -> DrawnSample:
        """A sample of the month's payments. Raises InputError when there is nothing to draw from."""
        return draw_payments(self.ports, city, month, size=size, seed=seed)

    def evidence(self, drawn: DrawnSample, moment: Moment) -> Iterator[EvidenceFile]:
        """The files of a sample's folder."""
        return evidence_of(self.ports, drawn, in_words=in_words, now=moment.at)

    def original(self, city: str, document: str, sha256: str) -> Original:
        """A received file as it came in. Raises InputError for a file the city never received."""
        return original_file(self.ports, city, document, sha256=sha256)

    def books(self, city: str, moment: Moment, day: date | None = None) -> Sequence[FundBooks]:
        """Balances and trial balance per fund; with ``day`` what the accounts held at its end."""
        policy = self.ports.policies.city(city)
        return self.ports.database.read(lambda work: _books(work, policy, moment, day=day))

    def ping(self) -> None:
        """Touch the database; raises ServiceUnavailable when it is away."""
        self.ports.database.read(lambda work: work.audit.head())


def _books(work: Work, policy: CityPolicy, moment: Moment, *, day: date | None = None) -> Sequence[FundBooks]:
    funds = [fund.key for fund in policy.funds]
    until = None if day is None else datetime.combine(day, time.max, SHANGHAI)
    return overview.fund_books(work, policy.key, funds, as_of=moment.at, event_until=until)
