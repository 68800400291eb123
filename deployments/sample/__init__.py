"""Synthetic months of three cities: a script each, and the files that ``make sample`` writes for it."""
