"""One Prefect task per part of a step: a retry policy around one use case.

``plans``, ``payments``, ``reports``, ``documents``: the parts, in the order of the month; ``steps``: how a step
begins and ends; ``parts``: what every part's task does; ``daily``: the morning's tick; ``conclusions``: how a
run ends for the person who watches it; ``options``: when a task is tried again; ``process``, ``naming``.
"""
