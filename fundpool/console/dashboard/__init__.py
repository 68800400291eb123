"""The dashboard: server-rendered pages that read the month and change nothing.

language.py  Chinese and English: catalogues, dates, amounts
labels.py    what every code is called, which icon and tone it has
reading.py   what the pages read from the services, each page of one snapshot
board.py     the month's matrix, headline and filters, computed from the month's status
api.py       the documents of the commands for other programs, described by OpenAPI
app.py       routes, security headers, error pages
server.py    binds the address, prints it when ready, stops cleanly
"""
