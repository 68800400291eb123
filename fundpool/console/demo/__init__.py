"""``fundpool demo``: a month of a sample city, played day by day."""
