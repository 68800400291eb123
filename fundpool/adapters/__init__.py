"""The outside world: ``stores`` (database), ``documents`` (workbooks), ``banks``, ``policies``, ``details``, ``keys``, ``watch``."""
