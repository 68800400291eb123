"""The daily tick's reservations in SQL."""

from datetime import date

from sqlalchemy import select

from fundpool.adapters.stores.store import Store, record_of, rows_where, values_of
from fundpool.domain.periods import Month
from fundpool.domain.schedule import ScheduledStep
from schemas.tables.scheduled_steps import scheduled_steps

_OF_DAY = rows_where(scheduled_steps, "city", "business_date").order_by(scheduled_steps.c.id)


class SqlScheduledSteps(Store):
    """``services.daily.ScheduledStepStore`` on one connection."""

    def of_day(self, city: str, business_date: date) -> tuple[ScheduledStep, ...]:
        return tuple(
            record_of(ScheduledStep, row, month=Month.parse(row["month"]))
            for row in self._all(_OF_DAY, city=city, business_date=business_date)
        )

    def months(self, city: str, but: str | None = None) -> tuple[Month, ...]:
        query = select(scheduled_steps.c.month).where(scheduled_steps.c.city == city)
        if but is not None:
            query = query.where(scheduled_steps.c.step != but)
        rows = self._connection.execute(query.distinct().order_by(scheduled_steps.c.month))
        return tuple(Month.parse(row.month) for row in rows)

    def reserve(self, scheduled: ScheduledStep) -> None:
        self._rows.insert(scheduled_steps, values_of(scheduled) | {"run_id": None})

    def set_run(self, scheduled: ScheduledStep, run_id: str) -> None:
        c = scheduled_steps.c
        is_it = (
            c.city == scheduled.city,
            c.step == scheduled.step,
            c.month == str(scheduled.month),
            c.business_date == scheduled.business_date,
        )
        self._rows.update(scheduled_steps, is_it, {"run_id": run_id})
