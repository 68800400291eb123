"""Prefect as fundpool uses it: a worker for any server, and on one machine the server too.

``worker`` takes scheduled runs of the work pool and runs them in this process
(docs/decisions/0008-one-process-runs-the-flows.md); ``recovery`` takes up what a dead one left
(docs/decisions/0020-workers-look-after-each-others-runs.md); ``doctor`` says what keeps runs from going on;
``deployments`` registers ``deployments/prefect.yaml``; ``server`` is a local server's process and data folder;
``runs`` starts server and worker and runs one step or one daily tick; ``client`` holds the settings of a client and
what a missing server is called; ``patience`` how long an end waits.

Nothing here decides whether money moves; a run that was killed is simply run again.
"""
