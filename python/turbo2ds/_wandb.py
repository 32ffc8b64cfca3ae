"""A run in Weights & Biases, under the names that img2dataset gives its metrics.

``worker/…`` is logged for each shard, ``total/…`` every few seconds while shards are under way, and the
table of statuses now and then and at the end.
"""

from collections import Counter
from types import TracebackType
from typing import Any, Callable, Optional

from turbo2ds import _engine
from turbo2ds._events import metrics
from turbo2ds._signature import STORAGE_OPTION, path_text
from turbo2ds.errors import UsageError

TOTAL_EVERY_S = 5.0
TABLE_EVERY_S = 60.0
STATUSES_MAX = 100

#: Options whose values may be secrets.
SECRETS = ("header", STORAGE_OPTION)
#: Options that may be URLs, in which there may be one.
PLACES = ("url_list", "output_folder")


class WandbListener:
    """Logs a run's events; the W&B run ends with the context."""

    def __init__(self, project: str, config: dict[str, Any], clock: Callable[[], float]) -> None:
        try:
            import wandb
        except ImportError as error:
            hint = "pip install 'turbo2ds[wandb]', or leave enable_wandb out"
            raise UsageError("enable_wandb is set and wandb is not installed", hint) from error
        self._wandb: Any = wandb
        # A run that the caller has open stays theirs.
        self._run = wandb.init(project=project, config=_plain(config), reinit="create_new")
        self._clock = clock
        self._begun = clock()
        self._total_due = self._begun
        self._table_due = self._begun

    def __enter__(self) -> "WandbListener":
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._run.finish(exit_code=0 if error is None else 1)

    def take(self, event: dict[str, Any]) -> None:
        now = self._clock()
        if event["event"] == "shard":
            self._log("worker", event, event["seconds"])
        elif event["event"] == "summary":
            self._log("total", event, now - self._begun)
            self._log_statuses(event)
        elif event["event"] == "progress":
            if now >= self._total_due:
                self._total_due = now + TOTAL_EVERY_S
                self._log("total", event, now - self._begun)
            if now >= self._table_due and event["count"]:
                self._table_due = now + TABLE_EVERY_S
                self._log_statuses(event)

    def _log(self, prefix: str, counts: dict[str, Any], seconds: float) -> None:
        if logged := metrics(prefix, counts, seconds):
            self._run.log(logged)

    def _log_statuses(self, counts: dict[str, Any]) -> None:
        statuses = Counter(counts["failures"])
        statuses["success"] = counts["successes"]
        count = counts["count"]
        rows = [[status, n / count, n] for status, n in statuses.most_common(STATUSES_MAX) if n]
        if rows:
            columns = ["status", "frequency", "count"]
            self._run.log({"status": self._wandb.Table(columns=columns, data=rows)})


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    """What W&B stores of the options: texts, numbers, lists, and of secrets only that there are some."""
    kept = (bool, int, float, str, list, type(None))
    plain = {name: value if isinstance(value, kept) else str(value) for name, value in config.items()}
    hidden = {name: "given, not logged" for name in SECRETS if plain.get(name)}
    places = {name: _engine.place(path_text(config[name]))[1] for name in PLACES if name in config}
    return {**plain, **hidden, **places}
