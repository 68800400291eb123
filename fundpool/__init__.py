"""fundpool: the monthly budget cycle of a city-pooled basic medical insurance fund (基本医疗保险市级统筹).

domain/    pure rules; no machinery, no clock, no input or output
services/  use cases over Protocols (ports.py)
adapters/  the outside world: database, stores, policy files, workbooks, gateways
console/   people's entrance: command line and dashboard
"""
