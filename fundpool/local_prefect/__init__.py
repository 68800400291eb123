"""A whole Prefect on one machine: its server, the deployments of the flows, and a worker that runs them here.

``runs`` starts the three and runs one step or one daily tick; ``server`` is the server's process and
data folder; ``deployments`` registers ``deployments/prefect.yaml``; ``worker`` takes scheduled runs of
the work pool and runs them in this process (docs/decisions/0008-one-process-runs-the-flows.md);
``client`` holds the settings of a client here and what a missing server is called.

Nothing here decides whether money moves; a run that was killed is simply run again.
"""
