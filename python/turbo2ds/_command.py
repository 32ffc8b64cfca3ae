"""The ``turbo2ds`` console script: the same program as the binary, and what only Python does."""

import sys
from typing import Optional

from turbo2ds import _engine
from turbo2ds._job import PYTHONS, Job, run_job
from turbo2ds._signature import options, with_home
from turbo2ds.errors import Turbo2dsError, UsageError

EXIT_STOPPED, EXIT_USAGE, EXIT_PARTIAL, EXIT_INTERRUPTED = 1, 2, 3, 130


def main(arguments: Optional[list[str]] = None) -> int:
    """Run a command line (by default this process's) and give its exit code."""
    if arguments is None:
        arguments = sys.argv[1:]
    try:
        job = _job(arguments)
    except UsageError:
        # The engine says it as the binary does.
        job = None
    if job is None or not job.is_pythons:
        return _engine.main(arguments)
    try:
        report = run_job(job, None)
    except Turbo2dsError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE if isinstance(error, UsageError) else EXIT_STOPPED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    return EXIT_PARTIAL if report.shards_missing else 0


def _job(arguments: list[str]) -> Optional[Job]:
    """What a command line asks for, where that is a run."""
    given = _engine.split(arguments)
    if given is None:
        return None
    table = options()
    values = {name: option.default for name, option in table.items()}
    try:
        values.update({name: table[name].value(text) for name, text in given})
    except ValueError:
        # No whole number: the engine says so.
        return None
    own = [f"--{name}={_text(table[name].kind, text)}" for name, text in given if name not in PYTHONS]
    return Job(own, values)


def _text(kind: str, text: str) -> str:
    """A text of the command line as another machine understands it."""
    return with_home(text) if kind == "PATH" else text


if __name__ == "__main__":
    sys.exit(main())
