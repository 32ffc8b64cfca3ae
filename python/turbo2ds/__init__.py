"""turbo2ds: a list of image URLs becomes a sharded, training-ready image dataset.

``download`` takes img2dataset's arguments and writes img2dataset's outputs; ``open_run`` reads what a
run left behind.
"""

from turbo2ds._download import download
from turbo2ds._engine import __version__
from turbo2ds._events import Progress
from turbo2ds._report import RunReport
from turbo2ds._run import Run, Shard, open_run
from turbo2ds.errors import (
    ConfigMismatchError,
    InputError,
    LocalResourceError,
    OutputError,
    Turbo2dsError,
    UsageError,
)

__all__ = [
    "ConfigMismatchError",
    "InputError",
    "LocalResourceError",
    "OutputError",
    "Progress",
    "Run",
    "RunReport",
    "Shard",
    "Turbo2dsError",
    "UsageError",
    "__version__",
    "download",
    "open_run",
]
