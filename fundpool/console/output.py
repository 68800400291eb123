"""How the command line speaks: one JSON document, or a table for a person."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from fundpool.domain.errors import FundpoolError


def print_json(document: Any) -> None:
    """Print ``document`` as the one JSON document on stdout."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")


def print_error(error: FundpoolError, *, as_json: bool) -> None:
    """Print an error with its basis and remedy: JSON on stdout, or sentences on stderr."""
    if as_json:
        print_json(
            {
                "error": {
                    "code": error.code,
                    "message": str(error),
                    "basis": error.basis,
                    "remedy": error.remedy,
                }
            }
        )
        return
    lines = [f"[{error.code}] {error.zh}", f"  {error.en}"]
    if error.basis:
        lines.append(f"  依据 basis: {error.basis}")
    if error.remedy:
        lines.append(f"  请 remedy: {error.remedy}")
    print("\n".join(lines), file=sys.stderr)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on stdout as its texts are written; ``None`` shows as a dash.

    In a narrow terminal long texts run over several lines; dates, codes and amounts never break.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    texts = [["–" if cell is None else str(cell) for cell in row] for row in rows]
    # A plain str would be read for markup: the name 县局[2026] lost its brackets.
    table = Table(title=Text(title), title_justify="left")
    for index, column in enumerate(columns):
        short = all(len(row[index]) <= 20 and (row[index].isascii() or row[index] == "–") for row in texts)
        table.add_column(Text(column), overflow="fold", no_wrap=short and bool(texts))
    for row in texts:
        table.add_row(*map(Text, row))
    # A pipe or a file has no width to keep to; rich would take 80 and drop columns.
    Console(width=None if sys.stdout.isatty() else 200).print(table)
