"""Indexes by which a month's work reads the month, not the history, and cheaper ones for postings."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_UNIQUE_WHERE_SET = (
    ("uq_posting_resolves", ["resolves"]),
    ("uq_posting_reverses", ["reverses"]),
    ("uq_posting_attempt_key_leg", ["attempt_key", "leg"]),
)
_NEW = (
    ("ix_voucher_recorded_at", "voucher", ["recorded_at"]),
    ("ix_obligation_debit_account_id", "obligation", ["debit_account_id"]),
    ("ix_obligation_state", "obligation", ["state"]),
    ("ix_attempt_state_next_query_at", "attempt", ["state", "next_query_at"]),
    ("ix_attempt_state_executed_at", "attempt", ["state", "executed_at"]),
    ("ix_attempt_first_sent_at", "attempt", ["first_sent_at"]),
)
_OLD = ("debit_id", "credit_id", "voucher_id")


def upgrade() -> None:
    """Postings: list only what is set, number the lines of a voucher; the rest: indexes by time and state."""
    for column in _OLD:
        op.drop_index(f"ix_posting_{column}", table_name="posting")
    with op.batch_alter_table("posting") as posting:
        for name, _ in _UNIQUE_WHERE_SET:
            posting.drop_constraint(name, type_="unique")
        posting.create_unique_constraint("uq_posting_voucher_id_line", ["voucher_id", "line"])
    for name, columns in _UNIQUE_WHERE_SET:
        is_set = sa.text(f"{columns[0]} is not null")
        op.create_index(name, "posting", columns, unique=True, sqlite_where=is_set, postgresql_where=is_set)
    # Nearly every attempt has succeeded: by state alone the whole history would be read.
    op.drop_index("ix_attempt_state", table_name="attempt")
    for name, table, columns in _NEW:
        op.create_index(name, table, columns)


def downgrade() -> None:
    """Back to an index of every row."""
    for name, table, _ in _NEW:
        op.drop_index(name, table_name=table)
    op.create_index("ix_attempt_state", "attempt", ["state"])
    for name, _ in _UNIQUE_WHERE_SET:
        op.drop_index(name, table_name="posting")
    with op.batch_alter_table("posting") as posting:
        posting.drop_constraint("uq_posting_voucher_id_line", type_="unique")
        for name, columns in _UNIQUE_WHERE_SET:
            posting.create_unique_constraint(name, columns)
    for column in _OLD:
        op.create_index(f"ix_posting_{column}", "posting", [column])
