"""``python -m fundpool`` is the ``fundpool`` command."""

from fundpool.console.cli import main

raise SystemExit(main())
