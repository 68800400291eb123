"""The outside world: database, stores, policy files, workbooks, gateways."""
