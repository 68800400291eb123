"""Where people act: each desk is a module whose ``routes`` are its pages and acts.

A page shows what may be done and why not; an act is a POST that calls the service which the command calls, with
``request.state.account.name`` as the person, and leads back to the page.
"""
