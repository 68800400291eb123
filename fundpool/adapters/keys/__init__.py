"""Keys and secrets: files only their owner may read, the seal key, signatures of messages."""
