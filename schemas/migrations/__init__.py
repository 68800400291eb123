"""Alembic migrations of the tables; run by ``fundpool.adapters.stores.migrations.upgrade``."""
