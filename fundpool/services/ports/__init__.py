"""What use cases need from outside, as Protocols, and how several units go through it.

``work``: one transaction and its stores; ``gateway``: the bank; ``files``: files taken in and written;
``judging``: reader and judge of documents; ``money_ports``, ``month_stores``, ``statement_ports``: the stores;
``papers``: numbers of papers; ``isolation``: one unit's trouble is its own; ``failpoints``: places where a test stops the program.
"""
