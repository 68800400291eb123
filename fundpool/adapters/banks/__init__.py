"""Banks behind one contract: by HTTP (``base``, ``http``), by files (``files``, ``iso20022``), and statement layouts."""
