"""Every document is filed: lists keep the figures of each row, and more than reports pass by the checks alone."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Give figures their row, and let every document be accepted that people need not decide."""
    with op.batch_alter_table("submission_figures") as figures:
        figures.add_column(sa.Column("line", sa.String(length=64), nullable=False, server_default=""))
        figures.drop_constraint(op.f("pk_submission_figures"), type_="primary")
        figures.create_primary_key(op.f("pk_submission_figures"), ["submission_id", "fund", "line", "field"])
    with op.batch_alter_table("review_cases") as cases:
        cases.drop_constraint(op.f("ck_review_cases_accepted_report"), type_="check")
        cases.create_check_constraint(
            op.f("ck_review_cases_accepted_by_checks"),
            "state <> 'accepted' OR document NOT IN ('plan', 'working-capital', 'annual-budget')",
        )


def downgrade() -> None:
    """Take both back; the rows of lists beyond the first of a fund have no place then."""
    with op.batch_alter_table("review_cases") as cases:
        cases.drop_constraint(op.f("ck_review_cases_accepted_by_checks"), type_="check")
        cases.create_check_constraint(
            op.f("ck_review_cases_accepted_report"), "state <> 'accepted' OR document = 'report'"
        )
    op.execute("DELETE FROM submission_figures WHERE line <> ''")
    with op.batch_alter_table("submission_figures") as figures:
        figures.drop_constraint(op.f("pk_submission_figures"), type_="primary")
        figures.create_primary_key(op.f("pk_submission_figures"), ["submission_id", "fund", "field"])
        figures.drop_column("line")
