"""Flows put steps in order; the calendar decides what is due."""
