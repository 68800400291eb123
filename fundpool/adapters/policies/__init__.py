"""The law as YAML files: read with line numbers, checked among themselves and against the sources."""
