"""The tables as an earlier release had them."""

from fundpool.adapters.stores.database import Database

ADDED = {
    "0012": ("DROP TABLE latest_seal",),
    "0013": ("DROP TABLE release", "DROP TABLE installation"),
    "0014": ("DROP TABLE last_done", "DROP TABLE notices"),
    "0015": ("ALTER TABLE raw_files DROP COLUMN content",),
    "0016": ("DROP TABLE user_session", "DROP TABLE user_account"),
    "0017": ("DROP TABLE paper_numbers",),
    "0018": ("DROP TABLE calls", "ALTER TABLE notices DROP COLUMN recipient"),
    "0019": ("DROP TABLE api_token",),
}
"""How to take away what each revision added."""


def take_back(database: Database, revision: str) -> None:
    """Take away what came after ``revision``."""
    with database.engine.begin() as connection:
        for added, statements in reversed(ADDED.items()):
            if added > revision:
                for statement in statements:
                    connection.exec_driver_sql(statement)
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
