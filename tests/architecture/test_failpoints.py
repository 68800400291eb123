"""Every commit and every call to the bank stands between two failpoints, so that a test can kill the program there."""

import ast
from collections.abc import Iterator
from pathlib import Path

from fundpool.services.ports.gateway import Gateway

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("fundpool", "schemas", "flows", "tasks")
BANK_CALLS = {name for name in vars(Gateway) if not name.startswith("_")}

COMMITS_OF_THEIR_OWN = {
    "fundpool/adapters/stores/database.py",  # the one place where work is committed; looked at below
    "fundpool/adapters/stores/migrations.py",  # no business is open while tables are made
    "fundpool/adapters/stores/backups.py",  # copies of the file, not of its contents
    "fundpool/adapters/stores/copies.py",  # a copy to rehearse on, which goes with the rehearsal
    "fundpool/sandbox_bank/bank_file.py",  # the sandbox bank's, which is outside
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for folder in PRODUCT:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def bodies(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """Every list of statements that run one after the other."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list):
                yield body


def called(statement: ast.stmt) -> ast.Call | None:
    value = getattr(statement, "value", None)
    return value if isinstance(value, ast.Call) else None


def is_failpoint(statement: ast.stmt, name: str) -> bool:
    call = called(statement)
    return call is not None and ast.unparse(call) == f"failpoint('{name}')"


def bank_call(statement: ast.stmt) -> str | None:
    call = called(statement)
    if call is None or not isinstance(call.func, ast.Attribute) or call.func.attr not in BANK_CALLS:
        return None
    return call.func.attr if "gateway" in ast.unparse(call.func.value) else None


def mentions_of_bank_calls(tree: ast.Module) -> int:
    return sum(
        isinstance(node, ast.Attribute)
        and node.attr in BANK_CALLS
        and ast.unparse(node.value).endswith("gateway")
        for node in ast.walk(tree)
    )


def test_every_call_to_the_bank_stands_between_its_two_failpoints() -> None:
    assert {"submit", "query", "close", "statement"} <= BANK_CALLS
    found = 0
    for path, tree in modules():
        enclosed = 0
        for body in bodies(tree):
            for place, statement in enumerate(body):
                name = bank_call(statement)
                if name is not None and path.startswith("fundpool/services/"):
                    where = f"{path}:{statement.lineno}"
                    assert any(is_failpoint(each, f"before {name}") for each in body[:place]), where
                    assert is_failpoint(body[place + 1], f"after {name}"), where
                    enclosed += 1
        assert mentions_of_bank_calls(tree) == enclosed, f"{path}: a call to the bank inside an expression"
        found += enclosed
    assert found >= 6


def test_work_is_committed_in_one_place_only_and_it_has_its_failpoints() -> None:
    committing = {
        path
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (node.func.attr in {"commit", "begin"} or ast.unparse(node.func) == "sqlite3.connect")
    }
    assert committing <= COMMITS_OF_THEIR_OWN
    source = (ROOT / "fundpool/adapters/stores/database.py").read_text(encoding="utf-8")
    transaction = source[source.index("def transaction") : source.index("def read")]
    assert transaction.count("engine.begin()") == 1
    assert (
        transaction.index("engine.begin()")
        < transaction.index('failpoint("before commit")')
        < transaction.index('failpoint("after commit")')
    )
