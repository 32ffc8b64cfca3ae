"""A progress callback for any experiment tracker: it hands the metrics on every few seconds.

`mlflow_progress.py` and `tensorboard_progress.py` use it; the names are those that `enable_wandb` logs.
"""

import time


class Tracked:
    """Calls ``log(metrics, step)`` at most every ``every_s`` seconds, and once more when its block ends."""

    def __init__(self, log, every_s=5.0):
        self._log = log
        self._every_s = every_s
        self._due = time.monotonic()
        self._waiting = None

    def __call__(self, progress):
        self._waiting = progress
        if progress.count and time.monotonic() >= self._due:
            self._hand_on()

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        if self._waiting is not None and self._waiting.count:
            self._hand_on()

    def _hand_on(self):
        progress, self._waiting = self._waiting, None
        self._due = time.monotonic() + self._every_s
        self._log(progress.metrics(), progress.count)
