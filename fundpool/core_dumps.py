"""No memory of a process that holds secrets is written to disk when it dies."""

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4
"""prctl(2). Linux hands a core to a program whatever the limit of its size is; only this stops that."""


def leave_no_core_dump() -> None:
    """From here on this process leaves no core dump, and no other user's debugger may read its memory.

    It knows the bank's signing secret and the database's password. Programs it starts are their own.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
