"""One Prefect task per use case: a retry policy around one service call."""
