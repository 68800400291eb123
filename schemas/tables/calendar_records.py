"""Facts about duties that stand in no file and no payment: extensions, nil returns, filings, step runs."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from schemas.tables.base import Moment, metadata

extensions = Table(
    "extensions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("city", String(32), nullable=False),
    Column("month", String(7), nullable=False),
    Column("step", String(48), nullable=False),
    # Null: the duty of the city itself, or of every county.
    Column("unit", String(16)),
    Column("until", Date, nullable=False),
    Column("document_number", String(64), nullable=False),
    Column("approver", String(64), nullable=False),
    Column("recorded_by", String(64), nullable=False),
    Column("recorded_at", Moment, nullable=False),
    UniqueConstraint("city", "month", "step", "unit", "document_number"),
    CheckConstraint("lower(approver) <> lower(recorded_by)", name="two_people"),
)

nil_returns = Table(
    "nil_returns",
    metadata,
    Column("city", String(32), primary_key=True),
    Column("month", String(7), primary_key=True),
    Column("document", String(32), primary_key=True),
    Column("county", String(16), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("declared_by", String(64), nullable=False),
    # Both for a waiver 免报, neither for what the county declared itself.
    Column("document_number", String(64)),
    Column("approver", String(64)),
    Column("received_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
)

filings = Table(
    "filings",
    metadata,
    Column("city", String(32), primary_key=True),
    Column("month", String(7), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("sha256", ForeignKey("raw_files.sha256"), nullable=False),
    Column("file_name", String(255), nullable=False),
    # What the workbook says, canonical: the same figures are not filed twice.
    Column("content_digest", String(64), nullable=False),
    Column("filed_by", String(64), nullable=False),
    Column("filed_at", Moment, nullable=False),
    # JSON list of [county, fund, submission id]: the versions whose figures were filed.
    Column("sources", Text),
)

step_runs = Table(
    "step_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("city", String(32), nullable=False),
    Column("month", String(7), nullable=False),
    Column("step", String(48), nullable=False),
    Column("counties", Text),
    Column("asked_by", String(64), nullable=False),
    Column("run_id", String(64)),
    Column("business_time", Moment, nullable=False),
    # Null while running, and for ever when the process died: the step is simply run again.
    Column("outcomes", Text),
)
