"""Flows put the parts of the month in order; the calendar decides what is due.

    M−1  the 15th or 25th, as the city's document says: counties file plans for M
         plans taken in → judged → return slips │ review cases opened │ applied for
    M    by the 5th: finance pays
         ordered → bank asked → sent, hop by hop │ matched with the bank's statements
    M+1  by the 15th: counties report on M
         reports taken in → judged → booked → return slips │ the city's summary filed
         documents beside them │ flags: who is late with what

``monthly_cycle`` is the month from top to bottom, and each of its steps as a flow of its own is in ``steps``;
``daily_tick`` asks every morning what is due and starts it. The days and articles of a city are in its policy
file and in the first artifact of every run.
"""
