"""Money under way: batches, obligations, attempts, calls to the bank, its callbacks and statements."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from schemas.tables.base import Moment, metadata

_BIG = BigInteger().with_variant(Integer, "sqlite")

transfer_batch = Table(
    "transfer_batch",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(200), nullable=False, unique=True),
    Column("city", String(32), nullable=False),
    Column("fund", String(32), nullable=False),
    Column("month", String(7), nullable=False),
    Column("hop", String(64), nullable=False),
    Column("application", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("total_fen", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("maker", String(64), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("checker", String(64)),
    Column("approved_at", Moment),
    Column("approved_digest", String(64)),
    Column("releaser", String(64)),
    Column("released_at", Moment),
    Column("version", Integer, nullable=False),
    # Keyed: whoever only writes to the database cannot make one (domain/sealing.py).
    Column("seal", String(64)),
    CheckConstraint("checker is null or checker <> maker", name="maker_is_not_checker"),
    CheckConstraint(
        "releaser is null or (releaser <> maker and releaser <> checker)", name="releaser_is_a_third_person"
    ),
    CheckConstraint(
        "state in ('submitted', 'cancelled') or (checker is not null and approved_digest is not null)",
        name="approved_with_a_digest",
    ),
    CheckConstraint("state <> 'released' or releaser is not null", name="released_by_somebody"),
    CheckConstraint("total_fen > 0 and count > 0", name="totals_positive"),
    Index("ix_transfer_batch_city_month", "city", "month"),
)

obligations = Table(
    "obligation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(200), nullable=False, unique=True),
    Column("batch_id", Integer, ForeignKey("transfer_batch.id"), nullable=False),
    Column("city", String(32), nullable=False),
    Column("fund", String(32), nullable=False),
    Column("month", String(7), nullable=False),
    Column("hop", String(64), nullable=False),
    Column("payer_unit", String(32), nullable=False),
    Column("unit", String(32), nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("application", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("debit_account_id", Integer, ForeignKey("bank_account.id"), nullable=False),
    Column("credit_account_id", Integer, ForeignKey("bank_account.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("held_reason", Text),
    Column("settled_at", Moment),
    Column("retry_asked_by", String(64)),
    Column("returned_fen", BigInteger, nullable=False, server_default="0"),
    Column("seal", String(64)),
    UniqueConstraint("city", "fund", "month", "hop", "unit", "purpose", "application", "revision"),
    CheckConstraint("amount_fen > 0", name="amount_positive"),
    CheckConstraint("returned_fen between 0 and amount_fen", name="returned_within_amount"),
    CheckConstraint("debit_account_id <> credit_account_id", name="two_accounts"),
    CheckConstraint(
        "state in ('submitted', 'approved', 'released', 'in_flight', 'settled', 'failed', "
        "'retry_approved', 'cancelled', 'held', 'returned', 'partly_returned')",
        name="state",
    ),
    Index("ix_obligation_city_month", "city", "month"),
    Index("ix_obligation_batch_id", "batch_id"),
    Index("ix_obligation_debit_account_id", "debit_account_id"),
    Index("ix_obligation_state", "state"),
)

attempts = Table(
    "attempt",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("obligation_id", Integer, ForeignKey("obligation.id"), nullable=False),
    Column("attempt_no", Integer, nullable=False),
    Column("key", String(64), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("request_hash", String(64), nullable=False),
    Column("prepared_at", Moment, nullable=False),
    Column("valid_until", Moment, nullable=False),
    Column("first_sent_at", Moment),
    Column("last_sent_at", Moment),
    Column("resend_until", Moment),
    Column("lease_until", Moment),
    Column("worker", String(64)),
    Column("worker_epoch", Integer, nullable=False),
    Column("was_unknown", Integer, nullable=False),
    Column("times_asked", Integer, nullable=False),
    Column("next_query_at", Moment),
    Column("reason", Text),
    Column("bank_serial", String(64)),
    Column("executed_at", Moment),
    Column("fenced_at", Moment),
    Column("absence_confirmed_by", String(64)),
    Column("returned_fen", BigInteger, nullable=False, server_default="0"),
    Column("seal", String(64)),
    UniqueConstraint("obligation_id", "attempt_no"),
    CheckConstraint("amount_fen > 0", name="amount_positive"),
    CheckConstraint(
        "state in ('prepared', 'sending', 'unknown', 'accepted', 'succeeded', 'rejected', 'closing', "
        "'closed', 'returned', 'anomaly', 'partly_returned')",
        name="state",
    ),
    CheckConstraint("returned_fen between 0 and amount_fen", name="returned_within_amount"),
    CheckConstraint("state <> 'sending' or lease_until is not null", name="sending_has_a_lease"),
    # Two live attempts of one obligation could both be executed. An anomaly must be bookable even
    # beside a live attempt: it records what the bank has done already.
    Index(
        "uq_attempt_one_live",
        "obligation_id",
        unique=True,
        sqlite_where=text("state not in ('rejected', 'closed', 'returned', 'anomaly')"),
        postgresql_where=text("state not in ('rejected', 'closed', 'returned', 'anomaly')"),
    ),
    # Ended attempts are never deleted: what is due, sent or executed on a day must not read them all.
    Index("ix_attempt_state_next_query_at", "state", "next_query_at"),
    Index("ix_attempt_state_executed_at", "state", "executed_at"),
    Index("ix_attempt_first_sent_at", "first_sent_at"),
)

gateway_call = Table(
    "gateway_call",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("attempt_key", String(64), nullable=False),
    Column("operation", String(8), nullable=False),
    Column("phase", String(8), nullable=False),
    Column("worker_epoch", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("answer", String(32)),
    Column("reason", Text),
    Column("raw", LargeBinary),
    CheckConstraint("phase in ('started', 'finished')", name="phase"),
    Index("ix_gateway_call_attempt_key", "attempt_key"),
)

callback_inbox = Table(
    "callback_inbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("gateway", String(32), nullable=False),
    Column("event_id", String(128), nullable=False),
    Column("attempt_key", String(64), nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    UniqueConstraint("gateway", "event_id"),
)

statement_line = Table(
    "statement_line",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_no", String(64), nullable=False),
    Column("bank_serial", String(64), nullable=False),
    Column("direction", String(8), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("attempt_key", String(64)),
    Column("counterparty", String(200)),
    Column("executed_at", Moment, nullable=False),
    Column("imported_at", Moment, nullable=False),
    Column("counterparty_account", String(64)),
    UniqueConstraint("account_no", "bank_serial"),
    CheckConstraint("direction in ('debit', 'credit')", name="direction"),
    CheckConstraint("amount_fen > 0", name="amount_positive"),
    Index("ix_statement_line_attempt_key", "attempt_key"),
)

statement_day = Table(
    "statement_day",
    metadata,
    Column("account_no", String(64), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("lines", Integer, nullable=False),
    Column("imported_at", Moment, nullable=False),
    Column("sequence", Integer),
)

reconciliation_break = Table(
    "reconciliation_break",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("reference", String(200), nullable=False),
    Column("city", String(32), nullable=False),
    Column("fund", String(32), nullable=False),
    Column("detail_zh", Text, nullable=False),
    Column("detail_en", Text, nullable=False),
    Column("stops_fund", Integer, nullable=False),
    Column("found_at", Moment, nullable=False),
    Column("owner", String(64)),
    Column("resolved_at", Moment),
    Column("resolved_by", String(64)),
    Column("resolution", Text),
    UniqueConstraint("kind", "reference"),
    CheckConstraint("resolved_at is null or resolution is not null", name="resolved_with_a_reason"),
)

kill_switch = Table(
    "kill_switch",
    metadata,
    Column("city", String(32), primary_key=True),
    Column("fund", String(32), primary_key=True),
    Column("is_stopped", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    Column("restart_asked_by", String(64)),
    Column("restarted_by", String(64)),
    Column("seal", String(64)),
    CheckConstraint(
        "restarted_by is null or restarted_by <> restart_asked_by", name="restarted_by_two_people"
    ),
)

recovery = Table(
    "recovery",
    metadata,
    Column("city", String(32), primary_key=True),
    Column("fund", String(32), primary_key=True),
    Column("opened_at", Moment, nullable=False),
    Column("since", String(10), nullable=False),
    Column("keys_open", Integer),
    Column("days_open", Integer),
    Column("first_open", String(128)),
    Column("confirmed_by", String(64)),
    Column("second_by", String(64)),
    Column("finished_at", Moment),
    CheckConstraint("second_by is null or second_by <> confirmed_by", name="confirmed_by_two_people"),
    CheckConstraint(
        "finished_at is null or second_by is not null or (keys_open = 0 and days_open = 0)",
        name="finished_by_answers_or_two_people",
    ),
)
