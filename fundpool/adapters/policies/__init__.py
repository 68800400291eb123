"""The law as YAML files: read with line numbers, checked among themselves and against the sources.

``policy_files`` and ``yaml_documents`` (reading), ``policy_checks`` (one file), ``policy_sources`` (quotes),
``folder_checks`` (``fundpool policy check``: a whole folder).
"""
