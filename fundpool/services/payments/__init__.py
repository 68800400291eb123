"""From the city's application to the last line of the bank's statement.

``application``: what the city asks finance for; ``disbursement``: the hops of the city's path; ``batches``:
order, approve, release; ``orders``, ``attempts``: one payment and its tries; ``sending``: the one door to the
bank; ``resolving``: what became of an order; ``recovery``: after a restore; ``payment_decisions``,
``kill_switches``: what people decide; ``limits``, ``seals``: what is checked again before money moves;
``bank_accounts``: the register; ``statements``, ``statement_chain``, ``line_matching``: the bank's statements;
``reconciliation``, ``bank_reconciliation``: the step and its form; ``transfer_views``: payments in words.
"""
