"""Workbooks and CSV files: parsed in a child process, read cell by cell, kept, and written.

``parsing`` (the child), ``parser_process`` (runs it), ``cell_grammar`` and ``number_formats`` (what a text
means), ``document_reader`` (the table), ``raw_files`` and ``file_names`` (bytes kept, files written whole), ``record_files``
(registers), ``workbooks`` (templates). Written for people: ``return_slips``, ``report_workbooks``,
``reconciliation_workbooks``, ``calendar_files``, ``papers`` (signed papers, also as Word); ``sheets`` is what those workbooks share.
"""
