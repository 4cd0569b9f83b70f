"""Run ``fastnst`` only as long as the program lives that began it: ``python -m fastnst.tied train ...``.

That program holds the other end of standard input, and closes it by its end, whatever it dies of. A training that
outlived a killed server could not be stopped any more, and the next server would train beside it in the same folder.

Imports nothing heavy, as it must watch from the first moment.
"""

import os
import runpy
import signal
import threading


def watch() -> None:
    """End this process and its workers at once when standard input ends."""
    threading.Thread(target=_wait, name="fastnst-tied", daemon=True).start()


def _wait() -> None:
    while os.read(0, 1):
        pass
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():  # workers too
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(137)


if __name__ == "__main__":
    watch()
    runpy.run_module("fastnst", run_name="__main__", alter_sys=True)
