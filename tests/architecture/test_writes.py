"""Every row that the product writes passes the class that notes it for the trail."""

import ast
from pathlib import Path

from sqlalchemy import Table

from fundpool.adapters.stores.sealed_rows import TABLES
from fundpool.domain.transfer import Attempt, Batch, Obligation
from schemas.tables import metadata
from schemas.tables.transfers import attempts, obligations, transfer_batch

ADAPTERS = Path(__file__).resolve().parents[2] / "fundpool"

WRITERS = {
    "fundpool/adapters/stores/sealed_rows.py": "the class itself and the trail",
    "fundpool/adapters/stores/audit.py": "the audit trail, sealed by its own chain and its end by the trail of rows",
    "fundpool/adapters/stores/ledger.py": "postings, sealed by their voucher, and running balances, recomputed",
    "fundpool/adapters/stores/migrations.py": "which release wrote the tables: no fact of the month",
    "fundpool/adapters/stores/store.py": "the versioned change of a record, noted by RowWriter.note_change",
}
OF_OTHER_DATABASES = {
    "fundpool/adapters/stores/copies.py",  # a copy's, with the rows as they stand
    "fundpool/sandbox_bank/bank_file.py",  # the sandbox bank's
    "fundpool/adapters/details/cluster.py",  # DuckDB's, in a folder that goes with the comparison
    "fundpool/adapters/details/detail_comparison.py",  # likewise
}
STATEMENTS = {"insert", "update", "delete"}
SQL = ("INSERT INTO", "UPDATE ", "DELETE FROM", "COPY ")


def writes(module: ast.Module) -> bool:
    """Whether the module builds a statement that changes rows."""
    return any(
        (isinstance(node, ast.ImportFrom) and node.module == "sqlalchemy" and _named(node) & STATEMENTS)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(SQL))
        for node in ast.walk(module)
    )


def _named(node: ast.ImportFrom) -> set[str]:
    return {each.name for each in node.names}


def test_only_the_named_modules_change_rows() -> None:
    root = ADAPTERS.parent
    found = {
        file.relative_to(root).as_posix()
        for file in ADAPTERS.rglob("*.py")
        if writes(ast.parse(file.read_text(encoding="utf-8")))
    }
    assert found - OF_OTHER_DATABASES == set(WRITERS)


def test_every_table_is_watched_or_sealed_by_a_chain_of_its_own() -> None:
    assert set(metadata.tables) - {table.name for table in TABLES} == {
        "audit",
        "latest_seal",
        "posting",
        "release",
        "row_trail",
        "writers_turn",
    }


def test_a_changed_record_is_its_whole_row() -> None:
    records: tuple[tuple[Table, type], ...] = (
        (transfer_batch, Batch),
        (obligations, Obligation),
        (attempts, Attempt),
    )
    for table, record in records:
        assert {column.name for column in table.columns} == set(record.__slots__), table.name  # type: ignore[attr-defined]
