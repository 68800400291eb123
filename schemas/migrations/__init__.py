"""Alembic migrations of the tables; run by ``fundpool.adapters.migrations.upgrade``."""
