"""The operating steps of the month, and what of them waits for whom.

``steps``: the steps part by part; ``daily``: what the clock starts today; ``turns``: whose turn it is, and the
command; ``beginnings``: what a month must have before money moves; ``whole_month``: a month opened, closed, tried
again; ``choosing``: the city and month of a command that names none.
"""
