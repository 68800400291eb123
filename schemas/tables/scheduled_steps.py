"""Which steps the daily tick has decided to start: its memory, whatever the orchestrator forgets."""

from sqlalchemy import Column, Date, Integer, String, Table, UniqueConstraint

from schemas.tables.base import Moment, metadata

scheduled_steps = Table(
    "scheduled_steps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("city", String(32), nullable=False),
    Column("step", String(48), nullable=False),
    Column("month", String(7), nullable=False),
    Column("business_date", Date, nullable=False),
    Column("reserved_at", Moment, nullable=False),
    # Null between reserving and starting; a tick that died there is finished by the next one.
    Column("run_id", String(64)),
    # The guard itself: the same step of the same month is started once on a business day.
    UniqueConstraint("city", "step", "month", "business_date"),
)
