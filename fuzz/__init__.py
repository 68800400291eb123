"""Coverage-guided fuzzing of the readers (``make fuzz``); needs the dependency group ``fuzz``."""
