"""The annual budget of each county, which people raise and lower while payments are under way."""

from contextlib import suppress
from datetime import datetime
from random import Random
from types import SimpleNamespace
from typing import Any

from fundpool.domain.errors import RuleViolation
from fundpool.domain.transfer import LIVE, PaymentLimits, PaymentOrder
from fundpool.services.oversight import records
from fundpool.services.ports.gateway import GatewayAnswer
from schemas.payment_messages import Direction, TransferOrder
from tests.simulation.bank import REACHED, account_no
from tests.simulation.oracle import keys_of
from tests.simulation.scene import CHECKER, CITY, FUND, MONTH, Scene, paid_fen

Amounts = dict[str, int]
"""Budget per county in fen."""


class AnnualBudget:
    """What people have decided, kept outside of the stores; watches what is sent above it."""

    def __init__(self, scene: Scene, *, trusts_books: bool = True) -> None:
        """``trusts_books``: else what is under way is not read from them, only what the bank has paid."""
        self._scene = scene
        self._trusts_books = trusts_books
        self._decided: list[tuple[datetime, Amounts]] = []
        self._submit = scene.gateway.submit
        scene.gateway.submit = self._watched

    def keep(self) -> None:
        """From now on the city's text caps each county's year at its budget."""
        self._scene.ports.database.limits = PaymentLimits(within_annual_budget=lambda _city, _month: True)
        self.make_ample()

    @property
    def now(self) -> Amounts:
        """What stands."""
        return self._decided[-1][1] if self._decided else {}

    def owed_fen(self, county: str) -> int:
        """What is ordered for the county, all months together."""
        return sum(each.amount_fen for each in self._scene.ordered.values() if each.unit == county)

    def make_ample(self) -> None:
        """Everything that is ordered may be paid."""
        for county in self._scene.counties:
            self.decide(county, 10 * self.owed_fen(county))

    def move(self, random: Random) -> None:
        """Somebody raises or lowers the budget of a county."""
        county = random.choice(self._scene.counties)
        owed_fen = self.owed_fen(county)
        self.decide(county, random.choice([2 * owed_fen, owed_fen, owed_fen - 1, owed_fen // 2, 1]))

    def decide(self, county: str, amount_fen: int) -> None:
        """Record a county's budget as people do; it stands unless it is refused."""
        known = len(self._decided)
        with suppress(RuleViolation):
            self._record(county, amount_fen, known + 1)
            under_way_fen = self._under_way_fen(county)
            if amount_fen < under_way_fen and self._trusts_books:
                self._scene.overspent.append(f"B2 {amount_fen} decided below {under_way_fen}: {county}")
            self._stand(self.now | {county: amount_fen})
            return
        REACHED["refusal: budget_below_paid"] += 1

    def _record(self, county: str, amount_fen: int, number: int) -> None:
        """As people do; one who is cut off after the commit finds it recorded."""
        try:
            records.record_budget(
                _office(self._scene),
                city=CITY,
                year=MONTH.year,
                amounts={(county, FUND): amount_fen},
                document_number=f"财〔2026〕{number}号",
                by=CHECKER,
                now=self._scene.clock(),
            )
        except RuleViolation:
            raise
        except BaseException:
            stored = self._scene.ports.database.read(lambda work: work.budgets.budgets(CITY, MONTH.year))
            if stored.get((county, FUND)) == amount_fen:
                self._stand(self.now | {county: amount_fen})
            raise

    def put_back(self, amounts: Amounts) -> None:
        """What the books put back from a backup say."""
        self._stand(amounts)

    def _stand(self, amounts: Amounts) -> None:
        self._decided.append((self._scene.clock(), amounts))

    def _watched(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        self._check(order)
        answer: GatewayAnswer = self._submit(order, now=now)
        return answer

    def _check(self, order: TransferOrder) -> None:
        """Note when an order leaves that its county's budget does not cover, together with what is under way.

        A worker may have claimed it a lease ago.
        """
        payment = next((p for p in self._scene.ordered.values() if order.key in keys_of(p.key)), None)
        if payment is None or payment.unit not in self.now:
            return
        since = self._scene.clock() - self._scene.ports.gateway_terms.lease
        recent = [amounts for at, amounts in self._decided if at >= since]
        before = [amounts for at, amounts in self._decided if at < since][-1:]
        budget_fen = max(amounts.get(payment.unit, 0) for amounts in [*before, *recent])
        spent_fen = payment.amount_fen + self._under_way_fen(payment.unit, but=payment)
        if spent_fen > budget_fen:
            self._scene.overspent.append(f"B1 sent {spent_fen} of a budget of {budget_fen}: {payment.key}")

    def _under_way_fen(self, county: str, but: PaymentOrder | None = None) -> int:
        """What the books themselves know as paid or reserved, less what came back at the bank."""
        if not self._trusts_books:
            return sum(
                self._paid_fen(each)
                for each in self._scene.ordered.values()
                if each.unit == county and each is not but
            )
        known = self._scene.ports.database.read(lambda work: work.attempts.in_states(LIVE))
        total_fen = 0
        for each in self._scene.ordered.values():
            if each.unit == county and each is not but:
                keys = frozenset(keys_of(each.key))
                live_fen = sum(each.amount_fen for attempt in known if attempt.key in keys)
                lines = self._scene.lines(keys, account_no(each.hop.from_type, each.payer_unit))
                back = [line.amount_fen for line in lines if line.direction is Direction.CREDIT]
                total_fen += max(live_fen - sum(back), 0)
        return total_fen

    def _paid_fen(self, order: PaymentOrder) -> int:
        """What the bank has paid of one order, and has not sent back; never more than was ordered."""
        lines = self._scene.lines(
            frozenset(keys_of(order.key)), account_no(order.hop.from_type, order.payer_unit)
        )
        return min(max(paid_fen(lines)[-1], 0), order.amount_fen)


def _office(scene: Scene) -> Any:
    """What recording a budget needs of the city's policy, for any county of the scene."""
    units = [SimpleNamespace(code=county, name_zh=county) for county in scene.counties]
    policy = SimpleNamespace(key=CITY, name_zh=CITY, name_en=CITY, units=units, fund=lambda _fund: None)
    policies = SimpleNamespace(city=lambda _city: policy)
    return SimpleNamespace(database=scene.ports.database, policies=policies)
