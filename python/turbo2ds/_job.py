"""One job as the package runs it: the engine's arguments, and the options whose work is Python's."""

import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Optional, Protocol

from turbo2ds import _engine
from turbo2ds._events import Printer
from turbo2ds._report import RunReport
from turbo2ds._signature import STORAGE_OPTION, path_text
from turbo2ds.errors import UsageError

#: Options that the engine leaves to this package.
PYTHONS = ("distributor", "subjob_size", "enable_wandb", "wandb_project")
DISTRIBUTORS = ("multiprocessing", "pyspark", "ray")


class Listener(Protocol):
    """Takes a run's events."""

    def take(self, event: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Job:
    """What was asked for."""

    # Neither is shown: a store's options and a request's fields may be secrets.
    #: For the engine, as ``--name=value``.
    arguments: list[str] = field(repr=False)
    #: Every option by name, defaults among them.
    options: dict[str, Any] = field(repr=False)

    @property
    def output_folder(self) -> str:
        return path_text(self.options["output_folder"])

    @property
    def storage(self) -> list[str]:
        """Those of the arguments that say how stores are reached."""
        return [argument for argument in self.arguments if argument.startswith(f"--{STORAGE_OPTION}=")]

    @property
    def is_pythons(self) -> bool:
        """Whether the engine alone cannot do it."""
        return bool(self.options["enable_wandb"]) or self.options["distributor"] != "multiprocessing"


class Both:
    """Tells two listeners."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def take(self, event: dict[str, Any]) -> None:
        for listener in self._listeners:
            listener.take(event)


def run_job(job: Job, listener: Optional[Listener]) -> RunReport:
    """Run to the end; without a listener the engine shows the run itself, where it can."""
    _engine.check(job.arguments)
    if job.options["distributor"] not in DISTRIBUTORS:
        raise UsageError(
            f"there is no distributor `{job.options['distributor']}`", f"one of {', '.join(DISTRIBUTORS)}"
        )
    if job.options["distributor"] != "multiprocessing" and job.options["subjob_size"] < 1:
        raise UsageError("subjob_size is less than 1", "a job of a distributor has at least one shard")
    if job.options["distributor"] != "multiprocessing" and job.output_folder.lower().startswith("memory:"):
        message = f"{job.output_folder} is this process' memory, and workers are other processes"
        raise UsageError(message, "give a store or a folder that every worker reaches")
    if listener is None and job.is_pythons:
        listener = Printer(time.monotonic)
    if not job.options["enable_wandb"]:
        return _spread(job, listener)
    from turbo2ds._wandb import WandbListener

    assert listener is not None
    with WandbListener(job.options["wandb_project"], job.options, time.monotonic) as wandb:
        return _spread(job, Both(listener, wandb))


def _spread(job: Job, listener: Optional[Listener]) -> RunReport:
    if job.options["distributor"] != "multiprocessing":
        from turbo2ds._distribute import distribute

        assert listener is not None
        return distribute(job, listener)
    summary = _engine.run(
        job.arguments,
        None if listener is None else lambda text: listener.take(json.loads(text)),
        threading.current_thread() is threading.main_thread(),
    )
    return RunReport.of_summary(job.output_folder, json.loads(summary), job.storage)
