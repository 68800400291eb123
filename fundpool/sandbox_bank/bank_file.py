"""The sandbox bank's book on disk: its commands in order, so that a restart remembers everything."""

import json
import sqlite3
from pathlib import Path

from fundpool.domain.errors import InputError
from fundpool.sandbox_bank.bank_book import BankBook, Command

_SCHEMA = "CREATE TABLE IF NOT EXISTS command (number INTEGER PRIMARY KEY, name TEXT NOT NULL, arguments TEXT NOT NULL)"


class BankFile:
    """One SQLite file, held by one bank at a time."""

    def __init__(self, path: Path) -> None:
        """Open or create the file; raises InputError when another bank holds it or it is no book."""
        path.parent.mkdir(parents=True, exist_ok=True)
        # The server's threads take turns under its lock.
        self._connection = sqlite3.connect(path, timeout=1, isolation_level=None, check_same_thread=False)
        try:
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("BEGIN EXCLUSIVE")
            self._connection.execute(_SCHEMA)
            self._connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise InputError(
                "bank_book_unusable",
                f"模拟银行的账簿文件不能使用：{path}（{error}）",
                f"the sandbox bank cannot use its book {path}: {error}",
                remedy="停止占用该文件的模拟银行，或用 --book 另选文件 / stop the other sandbox bank or choose another --book",
            ) from error

    def open_book(self) -> BankBook:
        """The book as its recorded commands left it; further commands are recorded before they act."""
        book = BankBook(record=self._append)
        rows = self._connection.execute("SELECT name, arguments FROM command ORDER BY number")
        book.replay((name, json.loads(arguments)) for name, arguments in rows)
        return book

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()

    def _append(self, command: Command) -> None:
        name, arguments = command
        self._connection.execute(
            "INSERT INTO command (name, arguments) VALUES (?, ?)",
            (name, json.dumps(arguments, ensure_ascii=False)),
        )
