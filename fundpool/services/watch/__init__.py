"""Watching an installation: what stands open now, how well it is, and who is told.

``readings`` reads the open months of the cities in use; ``notices`` decides of what operators are told, ``reminders``
of what units and supervisors are; ``telephone`` is whom to call, and the log of calls;
``outbox`` writes that down and sends it; ``installation`` holds what they need; ``health`` shows the whole.
"""
