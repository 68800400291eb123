"""Judges incoming documents: one hand-written suite per document type, custom expectations exact on fen.

runner.py is the only module that touches Great Expectations' machinery. Importing this package costs
seconds (Great Expectations does), so the product imports it only where something is judged.
"""

import os

# Read by Great Expectations when it is imported; nothing of a county's file is anybody else's business.
os.environ["GX_ANALYTICS_ENABLED"] = "false"
