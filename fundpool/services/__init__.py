"""Use cases over the Protocols of ``ports``: no Prefect, SQLAlchemy, pandas or HTTP.

``watch``: what stands open in the whole installation, and who is told; ``month``: the operating steps and the daily tick; ``oversight``: how the month stands and who is late;
``documents``: what counties file, from receipt to decision; ``users``: accounts and log-in; ``payments``: from application to bank
statement; ``books``: double entry and its proofs; ``law``: what the cities' texts compute; ``ports``: what
all of them need from outside. Each room uses those after it, never those before.
"""
