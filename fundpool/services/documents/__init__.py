"""What counties file, from its receipt to what people decide about it.

``intake``: kept, acknowledged, read; ``collection``: a period's documents taken in and judged; ``judgements``:
what is judged against what, and recorded; ``known_facts``: the facts judged against; ``review``: cases that
people decide; ``effects``: what an accepted document changes; ``reports``: spending booked from reports;
``document_collection``: documents beside plan and report; ``detail_comparison``: lists of payments compared.
"""
