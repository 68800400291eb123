"""How a month stands, and who is late, missing or inconsistent with what.

``progress``: every duty against its deadline; ``flags``: what a person should know; ``status``: one city's
month; ``overview``: its money; ``step_progress``: each step's runs; ``records``: extensions, nil
returns, waivers, budgets, openings; ``filing``: the city's summary; ``return_slips``: what a county must mend;
``lineage``: where an amount comes from; ``hindsight``: the month as it was known at a moment; ``paper_contents``: what the papers say that officials sign,
``papers``: their numbers and files.
"""
