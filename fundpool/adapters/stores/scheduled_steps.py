"""The daily tick's reservations in SQL."""

from datetime import date, datetime

from sqlalchemy import Connection, select

from fundpool.adapters.stores.sealed_rows import RowWriter
from fundpool.domain.periods import Month
from fundpool.domain.schedule import ScheduledStep
from schemas.tables.scheduled_steps import scheduled_steps


class SqlScheduledSteps:
    """``services.daily.ScheduledStepStore`` on one connection."""

    def __init__(self, connection: Connection, rows: RowWriter) -> None:
        self._connection = connection
        self._rows = rows

    def of_day(self, city: str, business_date: date) -> tuple[ScheduledStep, ...]:
        rows = self._connection.execute(
            select(scheduled_steps)
            .where(scheduled_steps.c.city == city, scheduled_steps.c.business_date == business_date)
            .order_by(scheduled_steps.c.id)
        )
        return tuple(
            ScheduledStep(row.city, row.step, Month.parse(row.month), row.business_date, row.run_id)
            for row in rows
        )

    def months(self, city: str, but: str | None = None) -> tuple[Month, ...]:
        query = select(scheduled_steps.c.month).where(scheduled_steps.c.city == city)
        if but is not None:
            query = query.where(scheduled_steps.c.step != but)
        rows = self._connection.execute(query.distinct().order_by(scheduled_steps.c.month))
        return tuple(Month.parse(row.month) for row in rows)

    def reserve(self, scheduled: ScheduledStep, at: datetime) -> None:
        self._rows.insert(
            scheduled_steps,
            {
                "city": scheduled.city,
                "step": scheduled.step,
                "month": str(scheduled.month),
                "business_date": scheduled.business_date,
                "reserved_at": at,
            },
        )

    def set_run(self, scheduled: ScheduledStep, run_id: str) -> None:
        c = scheduled_steps.c
        is_it = (
            c.city == scheduled.city,
            c.step == scheduled.step,
            c.month == str(scheduled.month),
            c.business_date == scheduled.business_date,
        )
        self._rows.update(scheduled_steps, is_it, {"run_id": run_id})
