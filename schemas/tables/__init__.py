"""The tables of the product (SQLAlchemy Core). Constraints repeat the rules the domain keeps.

Money columns are integer fen and end in ``_fen``; moments are UTC ISO text through ``Moment``;
amounts of money never pass through a float column.
"""

from schemas.tables import accounts, audit, latest_seals, ledger, row_trail, statements, transfers
from schemas.tables.applications import application_lines, applications
from schemas.tables.base import metadata
from schemas.tables.budgets import budgets, openings
from schemas.tables.calendar_records import extensions, filings, nil_returns, step_runs
from schemas.tables.installation import REVISION, installation, release
from schemas.tables.notices import calls, last_done, notices
from schemas.tables.papers import paper_numbers
from schemas.tables.reviews import review_cases
from schemas.tables.scheduled_steps import scheduled_steps
from schemas.tables.submissions import (
    file_cells,
    judgements,
    raw_files,
    received_files,
    submission_figures,
    submissions,
)
from schemas.tables.users import api_token, user_account, user_session

__all__ = [
    "REVISION",
    "accounts",
    "api_token",
    "application_lines",
    "applications",
    "audit",
    "budgets",
    "calls",
    "extensions",
    "file_cells",
    "filings",
    "installation",
    "judgements",
    "last_done",
    "latest_seals",
    "ledger",
    "metadata",
    "nil_returns",
    "notices",
    "openings",
    "paper_numbers",
    "raw_files",
    "received_files",
    "release",
    "review_cases",
    "row_trail",
    "scheduled_steps",
    "statements",
    "step_runs",
    "submission_figures",
    "submissions",
    "transfers",
    "user_account",
    "user_session",
]
