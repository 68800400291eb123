"""Payment gateways behind one contract (gateways/base.py)."""
