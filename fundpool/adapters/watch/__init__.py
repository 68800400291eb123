"""What the watch meets outside: ``channels`` to people, the ``machine`` and the ``prefect_queue``."""
