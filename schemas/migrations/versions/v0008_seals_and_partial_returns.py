"""Approvals bear a keyed seal, and a part of a payment that comes back is told from the whole."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_SEALED = ("bank_account", "application_lines", "budgets", "openings", "kill_switch", "transfer_batch")
_OBLIGATION = (
    "state in ('submitted', 'approved', 'released', 'in_flight', 'settled', 'failed', "
    "'retry_approved', 'cancelled', 'held', 'returned'{})"
)
_ATTEMPT = (
    "state in ('prepared', 'sending', 'unknown', 'accepted', 'succeeded', 'rejected', 'closing', "
    "'closed', 'returned', 'anomaly'{})"
)


def upgrade() -> None:
    """Add the columns; what stands already is sealed by ``fundpool init``, which has the key."""
    for table in _SEALED:
        op.add_column(table, sa.Column("seal", sa.String(length=64), nullable=True))
    for table, states in (("obligation", _OBLIGATION), ("attempt", _ATTEMPT)):
        with op.batch_alter_table(table) as changed:
            changed.add_column(sa.Column("returned_fen", sa.BigInteger(), nullable=False, server_default="0"))
            changed.create_check_constraint(
                op.f(f"ck_{table}_returned_within_amount"), "returned_fen between 0 and amount_fen"
            )
            changed.add_column(sa.Column("seal", sa.String(length=64), nullable=True))
            changed.drop_constraint(op.f(f"ck_{table}_state"), type_="check")
            changed.create_check_constraint(op.f(f"ck_{table}_state"), states.format(", 'partly_returned'"))
    op.execute("UPDATE attempt SET returned_fen = amount_fen WHERE state = 'returned'")


def downgrade() -> None:
    """Take the columns away; what came back in part counts as paid then."""
    op.execute("UPDATE obligation SET state = 'settled' WHERE state = 'partly_returned'")
    op.execute("UPDATE attempt SET state = 'succeeded' WHERE state = 'partly_returned'")
    for table, states in (("obligation", _OBLIGATION), ("attempt", _ATTEMPT)):
        with op.batch_alter_table(table) as changed:
            changed.drop_constraint(op.f(f"ck_{table}_state"), type_="check")
            changed.create_check_constraint(op.f(f"ck_{table}_state"), states.format(""))
            changed.drop_column("seal")
            changed.drop_constraint(op.f(f"ck_{table}_returned_within_amount"), type_="check")
            changed.drop_column("returned_fen")
    for table in _SEALED:
        with op.batch_alter_table(table) as changed:
            changed.drop_column("seal")
