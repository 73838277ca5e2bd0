"""`python launch.py PARENT PROGRAM ARGUMENT…`: becomes the program, which ends with the process PARENT that started it.

Run by its path, with nothing else imported: it takes the place of a function between fork and exec, which a process of
several threads must not run.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    parent, program = int(sys.argv[1]), sys.argv[2]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before the line above
        sys.exit(1)
    os.execv(program, sys.argv[2:])
