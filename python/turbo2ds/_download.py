"""``download``: img2dataset's function over the engine."""

import sys
import time
from typing import Any

from turbo2ds._events import Printer, Reporter
from turbo2ds._job import PYTHONS, Job, run_job
from turbo2ds._report import RunReport
from turbo2ds._signature import ON_PROGRESS, STORAGE_OPTIONS, options, signature, storage_arguments

_OPTIONS = options()
_SIGNATURE = signature(_OPTIONS)


def download(*args: Any, **kwargs: Any) -> RunReport:
    """Download a list of image URLs into a sharded dataset.

    The arguments are img2dataset's, by name or position, and the engine's further options by name;
    ``turbo2ds --help`` says what each does.

    ``storage_options`` is how the stores of the list and the dataset are reached, where these are URLs:
    a dict as fsspec takes it.

    ``on_progress`` is called with a :class:`Progress` about five times a second, in the calling thread.
    What it raises ends the run as Ctrl-C does. With it, nothing is printed but what asks for attention.

    Ctrl-C finishes the open shards and then raises ``KeyboardInterrupt``; a second one stops at once.
    In both cases the same call goes on where the run stopped. Signals are left alone where this is not
    the interpreter's main thread.

    Raises a :class:`Turbo2dsError` with a hint where the run is refused or stopped. What happens to a
    single URL is never an exception: it is counted in the report and written in its row.
    """
    bound = _SIGNATURE.bind(*args, **kwargs)
    bound.apply_defaults()
    values = dict(bound.arguments)
    on_progress = values.pop(ON_PROGRESS)
    storage = storage_arguments(values.pop(STORAGE_OPTIONS))
    job = Job([*_arguments(values), *storage], values)
    if on_progress is not None:
        return run_job(job, Reporter(on_progress, time.monotonic))
    return run_job(job, None if _on_terminal() else Printer(time.monotonic))


def _arguments(values: dict[str, Any]) -> list[str]:
    """The engine's options as a command line."""
    given = (_OPTIONS[name].arguments(value) for name, value in values.items() if name not in PYTHONS)
    return [text for texts in given for text in texts]


def _on_terminal() -> bool:
    """Whether the engine's own display reaches the user: not in notebooks, nor where output is captured."""
    try:
        return sys.stderr.isatty() and sys.stderr.fileno() == 2 and sys.stdout.fileno() == 1
    except (AttributeError, OSError, ValueError):
        return False


download.__signature__ = _SIGNATURE  # type: ignore[attr-defined]
