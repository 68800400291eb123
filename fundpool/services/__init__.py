"""Use cases over the Protocols in ports.py; no Prefect, SQLAlchemy, pandas or HTTP."""
