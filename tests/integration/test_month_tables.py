"""What the month's tables refuse by themselves, whatever code writes to them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError

from fundpool.adapters.stores.database import Database
from schemas.tables.applications import application_lines, applications
from schemas.tables.calendar_records import extensions
from schemas.tables.reviews import review_cases
from schemas.tables.submissions import raw_files, received_files, submissions

NOW = datetime(2026, 9, 26, tzinfo=UTC)


def file_one_plan(connection: Connection) -> None:
    connection.execute(insert(raw_files).values(sha256="a" * 64, size_bytes=1, stored_at=NOW))
    connection.execute(insert(received_files).values(received_file()))
    connection.execute(insert(submissions).values(submission()))


def received_file(**changes: Any) -> dict[str, Any]:
    row = {
        "id": 1,
        "city": "taizhou",
        "document": "plan",
        "sha256": "a" * 64,
        "file_name": "plan.xlsx",
        "received_at": NOW,
        "received_from": "张三",
        "state": "read",
    }
    return row | changes


def submission(**changes: Any) -> dict[str, Any]:
    row = {
        "id": 1,
        "file_id": 1,
        "city": "taizhou",
        "document": "plan",
        "county": "331002",
        "month": "2026-10",
        "version": 1,
        "received_at": NOW,
        "submitted_by": "张三",
    }
    return row | changes


def case(**changes: Any) -> dict[str, Any]:
    row = {
        "city": "taizhou",
        "month": "2026-10",
        "document": "plan",
        "county": "331002",
        "fund": "employee",
        "submission_id": 1,
        "state": "approved",
        "requested_fen": 100,
        "approved_fen": 100,
        "maker": "王初审",
        "checker": "李复核",
    }
    return row | changes


def line(**changes: Any) -> dict[str, Any]:
    row = {
        "city": "taizhou",
        "month": "2026-10",
        "fund": "employee",
        "number": 1,
        "county": "331002",
        "prepared_by": "system",
        "applied_fen": 100,
        "reviewed_fen": 100,
        "reviewed_by": "赵财政",
    }
    return row | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"checker": "王初审"},
        {"maker": "Wang", "checker": "WANG"},
        {"checker": None},
        {"state": "accepted"},
        {"approved_fen": 101},
        {"approved_fen": None},
        {"state": "cut", "approved_fen": 90},
    ],
)
def test_no_case_is_approved_by_one_person_or_above_the_request_or_cut_without_reason(
    database: Database, changes: dict[str, Any]
) -> None:
    database.transaction(file_one_plan)
    with pytest.raises(IntegrityError):
        database.transaction(
            lambda connection: connection.execute(insert(review_cases).values(case(**changes)))
        )
    database.transaction(lambda connection: connection.execute(insert(review_cases).values(case())))


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 2},
        {"county": "331003", "reviewed_fen": 101},
        {"county": "331003", "reviewed_fen": 90},
        {"county": "331003", "reviewed_by": None},
        {"county": "331003", "prepared_by": "赵财政"},
    ],
)
def test_no_county_is_applied_for_twice_and_finance_gives_no_more_than_applied_for(
    database: Database, changes: dict[str, Any]
) -> None:
    def apply_once(connection: Connection) -> None:
        for number in (1, 2):
            connection.execute(
                insert(applications).values(
                    city="taizhou",
                    month="2026-10",
                    fund="employee",
                    number=number,
                    prepared_by="system",
                    prepared_at=NOW,
                )
            )
        connection.execute(insert(application_lines).values(line()))

    database.transaction(apply_once)
    with pytest.raises(IntegrityError):
        database.transaction(
            lambda connection: connection.execute(insert(application_lines).values(line(**changes)))
        )


def test_the_same_bytes_are_received_once_and_a_version_number_is_given_once(database: Database) -> None:
    database.transaction(file_one_plan)
    with pytest.raises(IntegrityError):
        database.transaction(
            lambda connection: connection.execute(insert(received_files).values(received_file(id=2)))
        )
    with pytest.raises(IntegrityError):
        database.transaction(
            lambda connection: connection.execute(insert(submissions).values(submission(id=2)))
        )


def test_who_approves_an_extension_does_not_record_it(database: Database) -> None:
    with pytest.raises(IntegrityError):
        database.transaction(
            lambda connection: connection.execute(
                insert(extensions).values(
                    city="taizhou",
                    month="2026-10",
                    step="submit_fund_use_plan",
                    until=NOW.date(),
                    document_number="函1号",
                    approver="陈局长",
                    recorded_by="陈局长",
                    recorded_at=NOW,
                )
            )
        )
