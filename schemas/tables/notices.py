"""What people are told of: an outbox, written with our other facts and sent afterwards; calls; what was last done."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, String, Table, Text

from schemas.tables.base import Moment, metadata

notices = Table(
    "notices",
    metadata,
    Column("id", Integer, primary_key=True),
    # The event: two senders cannot enter it twice.
    Column("key", String(200), nullable=False, unique=True),
    # What must end for the notice to be over; several events can be about one subject.
    Column("subject", String(200), nullable=False),
    Column("kind", String(32), nullable=False),
    # Null: the installation.
    Column("city", String(32)),
    Column("message_zh", Text, nullable=False),
    Column("message_en", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("is_over", Integer, nullable=False),
    Column("made_at", Moment, nullable=False),
    # When the subject ended.
    Column("ended_at", Moment),
    Column("attempts", Integer, nullable=False),
    # Not before this moment; null once it is sent, or was tried as often as is allowed.
    Column("next_at", Moment),
    # JSON list of {channel, at, answer} of the channels that took it; before revision 0018 of their names.
    Column("taken_by", Text, nullable=False),
    # What the last attempt failed of.
    Column("failure", Text),
    Column("sent_at", Moment),
    # Null: the operators; else a county, an office of the city, or its supervisor.
    Column("recipient", String(48)),
    CheckConstraint("sent_at is null or next_at is null", name="sent_once"),
    Index("ix_notices_next_at", "next_at"),
    Index("ix_notices_ended_at", "ended_at"),
)

calls = Table(
    "calls",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("city", String(32), nullable=False),
    Column("month", String(7), nullable=False),
    Column("duty", String(48), nullable=False),
    Column("unit", String(48), nullable=False),
    Column("spoken_with", String(64), nullable=False),
    Column("note", Text, nullable=False),
    Column("called_by", String(64), nullable=False),
    Column("called_at", Moment, nullable=False),
    Index("ix_calls_city_called_at", "city", "called_at"),
)

last_done = Table(
    "last_done",
    metadata,
    Column("act", String(32), primary_key=True),
    # Empty: the installation.
    Column("city", String(32), primary_key=True),
    Column("done_at", Moment, nullable=False),
)
