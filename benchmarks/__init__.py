"""Measurements: small scripts, one line of JSON each."""
