"""The database: every SQL statement of the product is in this package, one store per noun.

``database``: where a transaction begins and commits; ``work``: a transaction seen as its stores;
``sealed_rows``: the one writer of rows; ``migrations``, ``setting_up``, ``backups``; ``anchor_places`` and ``anchor_mail``.
"""
