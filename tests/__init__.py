"""The tests; ``unit`` and ``properties`` need no database, ``crash`` and ``simulation`` look for a second payment."""
