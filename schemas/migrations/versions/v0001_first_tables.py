"""The tables of the first version, written out: later versions change the tables, never this file."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "applications",
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("fund", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("prepared_by", sa.String(length=64), nullable=False),
        sa.Column("prepared_at", sa.String(length=32), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_applications_number")),
        sa.PrimaryKeyConstraint("city", "month", "fund", "number", name=op.f("pk_applications")),
    )
    op.create_table(
        "audit",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("before_digest", sa.String(length=64), nullable=True),
        sa.Column("after_digest", sa.String(length=64), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
        sa.UniqueConstraint("previous_hash", name=op.f("uq_audit_previous_hash")),
    )
    op.create_index("ix_audit_subject", "audit", ["subject"], unique=False)
    op.create_table(
        "bank_account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("fund", sa.String(length=32), nullable=False),
        sa.Column("unit", sa.String(length=32), nullable=False),
        sa.Column("account_type", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("account_no", sa.String(length=64), nullable=False),
        sa.Column("account_name", sa.String(length=200), nullable=False),
        sa.Column("bank_name", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("maker", sa.String(length=64), nullable=False),
        sa.Column("proposed_at", sa.String(length=32), nullable=False),
        sa.Column("checker", sa.String(length=64), nullable=True),
        sa.Column("approved_at", sa.String(length=32), nullable=True),
        sa.Column("usable_from", sa.String(length=32), nullable=True),
        sa.CheckConstraint("account_no <> '' and account_name <> ''", name=op.f("ck_bank_account_named")),
        sa.CheckConstraint(
            "status = 'proposed' or checker is not null", name=op.f("ck_bank_account_approved_by_somebody")
        ),
        sa.CheckConstraint(
            "status in ('proposed', 'approved', 'retired')", name=op.f("ck_bank_account_status")
        ),
        sa.CheckConstraint(
            "checker is null or checker <> maker", name=op.f("ck_bank_account_maker_is_not_checker")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_account")),
        sa.UniqueConstraint(
            "city",
            "fund",
            "unit",
            "account_type",
            "version",
            name=op.f("uq_bank_account_city_fund_unit_account_type_version"),
        ),
    )
    op.create_index("ix_bank_account_account_no", "bank_account", ["account_no"], unique=False)
    op.create_index(
        "uq_bank_account_one_approved",
        "bank_account",
        ["city", "fund", "unit", "account_type"],
        unique=True,
        sqlite_where=sa.text("status = 'approved'"),
        postgresql_where=sa.text("status = 'approved'"),
    )
    op.create_table(
        "budgets",
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("county", sa.String(length=16), nullable=False),
        sa.Column("fund", sa.String(length=32), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("document_number", sa.String(length=64), nullable=False),
        sa.Column("recorded_by", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", sa.String(length=32), nullable=False),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_budgets_amount")),
        sa.PrimaryKeyConstraint("city", "year", "county", "fund", "revision", name=op.f("pk_budgets")),
    )
    op.create_table(
        "callback_inbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("gateway", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.String(length=128), nullable=False),
        sa.Column("attempt_key", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.String(length=32), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callback_inbox")),
        sa.UniqueConstraint("gateway", "event_id", name=op.f("uq_callback_inbox_gateway_event_id")),
    )
    op.create_table(
        "extensions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("step", sa.String(length=48), nullable=False),
        sa.Column("unit", sa.String(length=16), nullable=True),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("document_number", sa.String(length=64), nullable=False),
        sa.Column("approver", sa.String(length=64), nullable=False),
        sa.Column("recorded_by", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", sa.String(length=32), nullable=False),
        sa.CheckConstraint("lower(approver) <> lower(recorded_by)", name=op.f("ck_extensions_two_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_extensions")),
        sa.UniqueConstraint(
            "city",
            "month",
            "step",
            "unit",
            "document_number",
            name=op.f("uq_extensions_city_month_step_unit_document_number"),
        ),
    )
    op.create_table(
        "gateway_call",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("attempt_key", sa.String(length=64), nullable=False),
        sa.Column("operation", sa.String(length=8), nullable=False),
        sa.Column("phase", sa.String(length=8), nullable=False),
        sa.Column("worker_epoch", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("answer", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("phase in ('started', 'finished')", name=op.f("ck_gateway_call_phase")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_call")),
    )
    op.create_index("ix_gateway_call_attempt_key", "gateway_call", ["attempt_key"], unique=False)
    op.create_table(
        "kill_switch",
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("fund", sa.String(length=32), nullable=False),
        sa.Column("is_stopped", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("restart_asked_by", sa.String(length=64), nullable=True),
        sa.Column("restarted_by", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "restarted_by is null or restarted_by <> restart_asked_by",
            name=op.f("ck_kill_switch_restarted_by_two_people"),
        ),
        sa.PrimaryKeyConstraint("city", "fund", name=op.f("pk_kill_switch")),
    )
    op.create_table(
        "ledger_account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("fund", sa.String(length=32), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("unit", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.String(length=64), nullable=False),
        sa.Column("is_cash", sa.Integer(), nullable=False),
        sa.Column("posted_fen", sa.BigInteger(), nullable=False),
        sa.Column("reserved_fen", sa.BigInteger(), nullable=False),
        sa.Column("overdraft_evidence", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "is_cash = 0 or posted_fen >= 0 or overdraft_evidence is not null",
            name=op.f("ck_ledger_account_cash_not_negative"),
        ),
        sa.CheckConstraint("reserved_fen >= 0", name=op.f("ck_ledger_account_reserved_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_account")),
        sa.UniqueConstraint(
            "city",
            "fund",
            "type",
            "unit",
            "detail",
            name=op.f("uq_ledger_account_city_fund_type_unit_detail"),
        ),
    )
    op.create_table(
        "month_lock",
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("fund", sa.String(length=32), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("closed_at", sa.String(length=32), nullable=False),
        sa.Column("closed_by", sa.String(length=64), nullable=False),
        sa.Column("head_hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("city", "fund", "month", name=op.f("pk_month_lock")),
    )
    op.create_table(
        "nil_returns",
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("document", sa.String(length=32), nullable=False),
        sa.Column("county", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("declared_by", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.String(length=32), nullable=False),
        sa.Column("recorded_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("city", "month", "document", "county", name=op.f("pk_nil_returns")),
    )
    op.create_table(
        "openings",
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("county", sa.String(length=16), nullable=False),
        sa.Column("fund", sa.String(length=32), nullable=False),
        sa.Column("closing_fen", sa.BigInteger(), nullable=False),
        sa.Column("spending_fen", sa.BigInteger(), nullable=True),
        sa.Column("year_spending_fen", sa.BigInteger(), nullable=True),
        sa.Column("year_paid_fen", sa.BigInteger(), nullable=True),
        sa.Column("recorded_by", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("city", "month", "county", "fund", name=op.f("pk_openings")),
    )
    op.create_table(
        "raw_files",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("stored_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_raw_files")),
    )
    op.create_table(
        "reconciliation_break",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("fund", sa.String(length=32), nullable=False),
        sa.Column("detail_zh", sa.Text(), nullable=False),
        sa.Column("detail_en", sa.Text(), nullable=False),
        sa.Column("stops_fund", sa.Integer(), nullable=False),
        sa.Column("found_at", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("resolved_at", sa.String(length=32), nullable=True),
        sa.Column("resolved_by", sa.String(length=64), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "resolved_at is null or resolution is not null",
            name=op.f("ck_reconciliation_break_resolved_with_a_reason"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_break")),
        sa.UniqueConstraint("kind", "reference", name=op.f("uq_reconciliation_break_kind_reference")),
    )
    op.create_table(
        "scheduled_steps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("step", sa.String(length=48), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("reserved_at", sa.String(length=32), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduled_steps")),
        sa.UniqueConstraint(
            "city",
            "step",
            "month",
            "business_date",
            name=op.f("uq_scheduled_steps_city_step_month_business_date"),
        ),
    )
    op.create_table(
        "statement_day",
        sa.Column("account_no", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("imported_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("account_no", "day", name=op.f("pk_statement_day")),
    )
    op.create_table(
        "statement_line",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_no", sa.String(length=64), nullable=False),
        sa.Column("bank_serial", sa.String(length=64), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("attempt_key", sa.String(length=64), nullable=True),
        sa.Column("counterparty", sa.String(length=200), nullable=True),
        sa.Column("executed_at", sa.String(length=32), nullable=False),
        sa.Column("imported_at", sa.String(length=32), nullable=False),
        sa.CheckConstraint("direction in ('debit', 'credit')", name=op.f("ck_statement_line_direction")),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_statement_line_amount_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_line")),
        sa.UniqueConstraint(
            "account_no", "bank_serial", name=op.f("uq_statement_line_account_no_bank_serial")
        ),
    )
    op.create_index("ix_statement_line_attempt_key", "statement_line", ["attempt_key"], unique=False)
    op.create_table(
        "step_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("step", sa.String(length=48), nullable=False),
        sa.Column("counties", sa.Text(), nullable=True),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("business_time", sa.String(length=32), nullable=False),
        sa.Column("outcomes", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step_runs")),
    )
    op.create_table(
        "transfer_batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("fund", sa.String(length=32), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("hop", sa.String(length=64), nullable=False),
        sa.Column("application", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("maker", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.String(length=32), nullable=False),
        sa.Column("checker", sa.String(length=64), nullable=True),
        sa.Column("approved_at", sa.String(length=32), nullable=True),
        sa.Column("approved_digest", sa.String(length=64), nullable=True),
        sa.Column("releaser", sa.String(length=64), nullable=True),
        sa.Column("released_at", sa.String(length=32), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state <> 'released' or releaser is not null", name=op.f("ck_transfer_batch_released_by_somebody")
        ),
        sa.CheckConstraint(
            "state in ('submitted', 'cancelled') or (checker is not null and approved_digest is not null)",
            name=op.f("ck_transfer_batch_approved_with_a_digest"),
        ),
        sa.CheckConstraint(
            "checker is null or checker <> maker", name=op.f("ck_transfer_batch_maker_is_not_checker")
        ),
        sa.CheckConstraint(
            "releaser is null or (releaser <> maker and releaser <> checker)",
            name=op.f("ck_transfer_batch_releaser_is_a_third_person"),
        ),
        sa.CheckConstraint("total_fen > 0 and count > 0", name=op.f("ck_transfer_batch_totals_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer_batch")),
        sa.UniqueConstraint("key", name=op.f("uq_transfer_batch_key")),
    )
    op.create_index("ix_transfer_batch_city_month", "transfer_batch", ["city", "month"], unique=False)
    op.create_table(
        "voucher",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("fund", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.String(length=32), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voucher")),
        sa.UniqueConstraint("city", "fund", "number", name=op.f("uq_voucher_city_fund_number")),
    )
    op.create_table(
        "writers_turn",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_writers_turn")),
    )
    op.create_table(
        "application_lines",
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("fund", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("county", sa.String(length=16), nullable=False),
        sa.Column("prepared_by", sa.String(length=64), nullable=False),
        sa.Column("applied_fen", sa.BigInteger(), nullable=False),
        sa.Column("reviewed_fen", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reviewed_by", sa.String(length=64), nullable=True),
        sa.Column("reviewed_at", sa.String(length=32), nullable=True),
        sa.CheckConstraint(
            "(reviewed_fen IS NULL) = (reviewed_by IS NULL)", name=op.f("ck_application_lines_reviewer")
        ),
        sa.CheckConstraint("applied_fen >= 0", name=op.f("ck_application_lines_applied")),
        sa.CheckConstraint(
            "reviewed_by IS NULL OR lower(reviewed_by) <> lower(prepared_by)",
            name=op.f("ck_application_lines_two_people"),
        ),
        sa.CheckConstraint(
            "reviewed_fen IS NULL OR (reviewed_fen BETWEEN 0 AND applied_fen)",
            name=op.f("ck_application_lines_reviewed"),
        ),
        sa.CheckConstraint(
            "reviewed_fen IS NULL OR reviewed_fen = applied_fen OR reason IS NOT NULL",
            name=op.f("ck_application_lines_cut_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["city", "month", "fund", "number"],
            ["applications.city", "applications.month", "applications.fund", "applications.number"],
            name=op.f("fk_application_lines_city_month_fund_number"),
        ),
        sa.PrimaryKeyConstraint(
            "city", "month", "fund", "number", "county", name=op.f("pk_application_lines")
        ),
        sa.UniqueConstraint(
            "city", "month", "fund", "county", name=op.f("uq_application_lines_city_month_fund_county")
        ),
    )
    op.create_table(
        "filings",
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("filed_by", sa.String(length=64), nullable=False),
        sa.Column("filed_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["raw_files.sha256"], name=op.f("fk_filings_sha256")),
        sa.PrimaryKeyConstraint("city", "month", "version", name=op.f("pk_filings")),
    )
    op.create_table(
        "obligation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("fund", sa.String(length=32), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("hop", sa.String(length=64), nullable=False),
        sa.Column("payer_unit", sa.String(length=32), nullable=False),
        sa.Column("unit", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("application", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("debit_account_id", sa.Integer(), nullable=False),
        sa.Column("credit_account_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("held_reason", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.String(length=32), nullable=True),
        sa.Column("retry_asked_by", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "state in ('submitted', 'approved', 'released', 'in_flight', 'settled', 'failed', 'retry_approved', 'cancelled', 'held', 'returned')",
            name=op.f("ck_obligation_state"),
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_obligation_amount_positive")),
        sa.CheckConstraint("debit_account_id <> credit_account_id", name=op.f("ck_obligation_two_accounts")),
        sa.ForeignKeyConstraint(["batch_id"], ["transfer_batch.id"], name=op.f("fk_obligation_batch_id")),
        sa.ForeignKeyConstraint(
            ["credit_account_id"], ["bank_account.id"], name=op.f("fk_obligation_credit_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["debit_account_id"], ["bank_account.id"], name=op.f("fk_obligation_debit_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_obligation")),
        sa.UniqueConstraint(
            "city",
            "fund",
            "month",
            "hop",
            "unit",
            "purpose",
            "application",
            "revision",
            name=op.f("uq_obligation_city_fund_month_hop_unit_purpose_application_revision"),
        ),
        sa.UniqueConstraint("key", name=op.f("uq_obligation_key")),
    )
    op.create_index("ix_obligation_batch_id", "obligation", ["batch_id"], unique=False)
    op.create_index("ix_obligation_city_month", "obligation", ["city", "month"], unique=False)
    op.create_table(
        "posting",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("voucher_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("debit_id", sa.Integer(), nullable=False),
        sa.Column("credit_id", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("flow", sa.String(length=32), nullable=False),
        sa.Column("phase", sa.String(length=8), nullable=False),
        sa.Column("event_at", sa.String(length=32), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("adjusts_month", sa.String(length=7), nullable=True),
        sa.Column("resolves", sa.String(length=300), nullable=True),
        sa.Column("reverses", sa.String(length=300), nullable=True),
        sa.Column("attempt_key", sa.String(length=64), nullable=True),
        sa.Column("leg", sa.String(length=16), nullable=True),
        sa.Column("memo", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(phase in ('post', 'void')) = (resolves is not null)", name=op.f("ck_posting_resolves_a_reserve")
        ),
        sa.CheckConstraint("phase in ('direct', 'reserve', 'post', 'void')", name=op.f("ck_posting_phase")),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_posting_amount_positive")),
        sa.CheckConstraint("debit_id <> credit_id", name=op.f("ck_posting_two_accounts")),
        sa.ForeignKeyConstraint(["credit_id"], ["ledger_account.id"], name=op.f("fk_posting_credit_id")),
        sa.ForeignKeyConstraint(["debit_id"], ["ledger_account.id"], name=op.f("fk_posting_debit_id")),
        sa.ForeignKeyConstraint(["voucher_id"], ["voucher.id"], name=op.f("fk_posting_voucher_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posting")),
        sa.UniqueConstraint("attempt_key", "leg", name=op.f("uq_posting_attempt_key_leg")),
        sa.UniqueConstraint("key", name=op.f("uq_posting_key")),
        sa.UniqueConstraint("resolves", name=op.f("uq_posting_resolves")),
        sa.UniqueConstraint("reverses", name=op.f("uq_posting_reverses")),
    )
    op.create_index("ix_posting_credit_id", "posting", ["credit_id"], unique=False)
    op.create_index("ix_posting_debit_id", "posting", ["debit_id"], unique=False)
    op.create_index("ix_posting_voucher_id", "posting", ["voucher_id"], unique=False)
    op.create_table(
        "received_files",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("document", sa.String(length=32), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("received_at", sa.String(length=32), nullable=False),
        sa.Column("received_from", sa.String(length=64), nullable=False),
        sa.Column("declared_county", sa.String(length=16), nullable=True),
        sa.Column("declared_month", sa.String(length=7), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("problem_code", sa.String(length=64), nullable=True),
        sa.Column("problem_zh", sa.Text(), nullable=True),
        sa.Column("problem_en", sa.Text(), nullable=True),
        sa.Column("remedy", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('received', 'read', 'unreadable', 'refused')", name=op.f("ck_received_files_state")
        ),
        sa.CheckConstraint(
            "state NOT IN ('unreadable', 'refused') OR problem_zh IS NOT NULL",
            name=op.f("ck_received_files_problem"),
        ),
        sa.ForeignKeyConstraint(["sha256"], ["raw_files.sha256"], name=op.f("fk_received_files_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_received_files")),
        sa.UniqueConstraint(
            "city", "document", "sha256", name=op.f("uq_received_files_city_document_sha256")
        ),
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("obligation_id", sa.Integer(), nullable=False),
        sa.Column("attempt_no", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("prepared_at", sa.String(length=32), nullable=False),
        sa.Column("valid_until", sa.String(length=32), nullable=False),
        sa.Column("first_sent_at", sa.String(length=32), nullable=True),
        sa.Column("last_sent_at", sa.String(length=32), nullable=True),
        sa.Column("resend_until", sa.String(length=32), nullable=True),
        sa.Column("lease_until", sa.String(length=32), nullable=True),
        sa.Column("worker", sa.String(length=64), nullable=True),
        sa.Column("worker_epoch", sa.Integer(), nullable=False),
        sa.Column("was_unknown", sa.Integer(), nullable=False),
        sa.Column("times_asked", sa.Integer(), nullable=False),
        sa.Column("next_query_at", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("bank_serial", sa.String(length=64), nullable=True),
        sa.Column("executed_at", sa.String(length=32), nullable=True),
        sa.Column("fenced_at", sa.String(length=32), nullable=True),
        sa.Column("absence_confirmed_by", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "state <> 'sending' or lease_until is not null", name=op.f("ck_attempt_sending_has_a_lease")
        ),
        sa.CheckConstraint(
            "state in ('prepared', 'sending', 'unknown', 'accepted', 'succeeded', 'rejected', 'closing', 'closed', 'returned', 'anomaly')",
            name=op.f("ck_attempt_state"),
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_attempt_amount_positive")),
        sa.ForeignKeyConstraint(["obligation_id"], ["obligation.id"], name=op.f("fk_attempt_obligation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sa.UniqueConstraint("key", name=op.f("uq_attempt_key")),
        sa.UniqueConstraint("obligation_id", "attempt_no", name=op.f("uq_attempt_obligation_id_attempt_no")),
    )
    op.create_index("ix_attempt_state", "attempt", ["state"], unique=False)
    op.create_index(
        "uq_attempt_one_live",
        "attempt",
        ["obligation_id"],
        unique=True,
        sqlite_where=sa.text("state not in ('rejected', 'closed', 'returned', 'anomaly')"),
        postgresql_where=sa.text("state not in ('rejected', 'closed', 'returned', 'anomaly')"),
    )
    op.create_table(
        "submissions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("document", sa.String(length=32), nullable=False),
        sa.Column("county", sa.String(length=16), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.String(length=32), nullable=False),
        sa.Column("submitted_by", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=8), nullable=True),
        sa.Column("judged_at", sa.String(length=32), nullable=True),
        sa.Column("returned_at", sa.String(length=32), nullable=True),
        sa.Column("returned_by", sa.String(length=64), nullable=True),
        sa.Column("return_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("verdict IN ('pass', 'review', 'return')", name=op.f("ck_submissions_verdict")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_submissions_version")),
        sa.ForeignKeyConstraint(["file_id"], ["received_files.id"], name=op.f("fk_submissions_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
        sa.UniqueConstraint(
            "city",
            "document",
            "county",
            "month",
            "version",
            name=op.f("uq_submissions_city_document_county_month_version"),
        ),
        sa.UniqueConstraint("file_id", "county", "month", name=op.f("uq_submissions_file_id_county_month")),
    )
    op.create_index(op.f("ix_submissions_city_month"), "submissions", ["city", "month"], unique=False)
    op.create_table(
        "judgements",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("judged_at", sa.String(length=32), nullable=False),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column("declared", sa.Integer(), nullable=False),
        sa.Column("evaluated", sa.Integer(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_judgements_submission_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_judgements")),
    )
    op.create_index(op.f("ix_judgements_submission_id"), "judgements", ["submission_id"], unique=False)
    op.create_index(
        "ux_judgements_current",
        "judgements",
        ["submission_id"],
        unique=True,
        sqlite_where=sa.text("is_current"),
        postgresql_where=sa.text("is_current"),
    )
    op.create_table(
        "review_cases",
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("document", sa.String(length=32), nullable=False),
        sa.Column("county", sa.String(length=16), nullable=False),
        sa.Column("fund", sa.String(length=32), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("requested_fen", sa.BigInteger(), nullable=False),
        sa.Column("proposed_fen", sa.BigInteger(), nullable=True),
        sa.Column("approved_fen", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("maker", sa.String(length=64), nullable=True),
        sa.Column("proposed_at", sa.String(length=32), nullable=True),
        sa.Column("checker", sa.String(length=64), nullable=True),
        sa.Column("decided_at", sa.String(length=32), nullable=True),
        sa.CheckConstraint(
            "(approved_fen IS NOT NULL) = (state IN ('approved', 'cut', 'accepted'))",
            name=op.f("ck_review_cases_approved_decided"),
        ),
        sa.CheckConstraint(
            "state <> 'accepted' OR document = 'report'", name=op.f("ck_review_cases_accepted_report")
        ),
        sa.CheckConstraint("state <> 'cut' OR reason IS NOT NULL", name=op.f("ck_review_cases_cut_reason")),
        sa.CheckConstraint(
            "state IN ('ready', 'findings', 'proposed', 'approved', 'cut', 'accepted', 'returned')",
            name=op.f("ck_review_cases_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'cut') OR (maker IS NOT NULL AND checker IS NOT NULL)",
            name=op.f("ck_review_cases_checker"),
        ),
        sa.CheckConstraint(
            "approved_fen IS NULL OR approved_fen <= requested_fen",
            name=op.f("ck_review_cases_approved_requested"),
        ),
        sa.CheckConstraint(
            "maker IS NULL OR checker IS NULL OR lower(maker) <> lower(checker)",
            name=op.f("ck_review_cases_two_people"),
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_review_cases_submission_id")
        ),
        sa.PrimaryKeyConstraint("city", "month", "document", "county", "fund", name=op.f("pk_review_cases")),
    )
    op.create_table(
        "submission_figures",
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("fund", sa.String(length=32), nullable=False),
        sa.Column("field", sa.String(length=48), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_submission_figures_submission_id")
        ),
        sa.PrimaryKeyConstraint("submission_id", "fund", "field", name=op.f("pk_submission_figures")),
    )


def downgrade() -> None:
    """Drop every table."""
    op.drop_table("submission_figures")
    op.drop_table("review_cases")
    op.drop_index(
        "ux_judgements_current",
        table_name="judgements",
        sqlite_where=sa.text("is_current"),
        postgresql_where=sa.text("is_current"),
    )
    op.drop_index(op.f("ix_judgements_submission_id"), table_name="judgements")
    op.drop_table("judgements")
    op.drop_index(op.f("ix_submissions_city_month"), table_name="submissions")
    op.drop_table("submissions")
    op.drop_index(
        "uq_attempt_one_live",
        table_name="attempt",
        sqlite_where=sa.text("state not in ('rejected', 'closed', 'returned', 'anomaly')"),
        postgresql_where=sa.text("state not in ('rejected', 'closed', 'returned', 'anomaly')"),
    )
    op.drop_index("ix_attempt_state", table_name="attempt")
    op.drop_table("attempt")
    op.drop_table("received_files")
    op.drop_index("ix_posting_voucher_id", table_name="posting")
    op.drop_index("ix_posting_debit_id", table_name="posting")
    op.drop_index("ix_posting_credit_id", table_name="posting")
    op.drop_table("posting")
    op.drop_index("ix_obligation_city_month", table_name="obligation")
    op.drop_index("ix_obligation_batch_id", table_name="obligation")
    op.drop_table("obligation")
    op.drop_table("filings")
    op.drop_table("application_lines")
    op.drop_table("writers_turn")
    op.drop_table("voucher")
    op.drop_index("ix_transfer_batch_city_month", table_name="transfer_batch")
    op.drop_table("transfer_batch")
    op.drop_table("step_runs")
    op.drop_index("ix_statement_line_attempt_key", table_name="statement_line")
    op.drop_table("statement_line")
    op.drop_table("statement_day")
    op.drop_table("scheduled_steps")
    op.drop_table("reconciliation_break")
    op.drop_table("raw_files")
    op.drop_table("openings")
    op.drop_table("nil_returns")
    op.drop_table("month_lock")
    op.drop_table("ledger_account")
    op.drop_table("kill_switch")
    op.drop_index("ix_gateway_call_attempt_key", table_name="gateway_call")
    op.drop_table("gateway_call")
    op.drop_table("extensions")
    op.drop_table("callback_inbox")
    op.drop_table("budgets")
    op.drop_index(
        "uq_bank_account_one_approved",
        table_name="bank_account",
        sqlite_where=sa.text("status = 'approved'"),
        postgresql_where=sa.text("status = 'approved'"),
    )
    op.drop_index("ix_bank_account_account_no", table_name="bank_account")
    op.drop_table("bank_account")
    op.drop_index("ix_audit_subject", table_name="audit")
    op.drop_table("audit")
    op.drop_table("applications")
