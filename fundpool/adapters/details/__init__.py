"""Two lists of payment details compared line by line, out of core (DuckDB)."""
