"""Every shape we promise: documents, payment messages, policy files, tables."""
