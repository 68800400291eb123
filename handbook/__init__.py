"""How the handbook is built from ``docs/``: MkDocs' settings are in ``mkdocs.yml``, what it does beside them in ``hooks``."""
