"""Workbooks and CSV files: taken apart in a child process, read cell by cell, kept, and written.

``parsing`` (the child), ``parser_process`` (its keeper), ``cell_grammar`` and ``number_formats`` (what a text
means), ``document_reader`` (the table), ``raw_files`` (bytes kept), ``record_files`` (registers), ``workbooks``
(templates); ``return_slips``, ``report_workbooks``, ``reconciliation_workbooks``, ``calendar_files`` are written
for people.
"""
