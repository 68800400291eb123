"""Double entry per city, fund and unit, and the proof that nothing was changed since.

``booking``: every booking goes through here; ``ledger_checks``: the books recomputed; ``audit_checks``: the
trails recomputed, and their anchors (``row_checks`` compares rows); ``ledger_export``: the books as files.
"""
