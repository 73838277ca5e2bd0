"""`python -m cloud.testing.vertex.container_process`: the container of a model, which ends with whoever started it."""

from __future__ import annotations

import os
import signal
import threading

from serving.container import main


def _end_with_the_starter() -> None:
    """Its end closes standard input, also after signal 9."""
    while os.read(0, 1024):
        continue
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_starter, daemon=True).start()
    main()
