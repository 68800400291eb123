"""The people's entrance: command line and dashboard."""
