"""The people who work here.

``accounts``: adding, disabling, passwords, and whether somebody may act; ``sessions``: log-in, log-out, who is
logged in; ``tokens``: what programs come in with.
"""
