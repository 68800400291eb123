"""What people use: the command line (``cli``, ``commands``), the demo and the dashboard."""
