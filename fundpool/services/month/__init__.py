"""The operating steps of the month (``steps``) and what of them is due today (``daily``)."""
