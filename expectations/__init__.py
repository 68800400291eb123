"""Great Expectations suites, one per document type; runner.py alone touches GX machinery."""
