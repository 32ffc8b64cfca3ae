"""What stops a whole run. A URL's own failure is a row of the dataset, never an exception."""


class Turbo2dsError(Exception):
    """A run that was stopped or refused: what is wrong in ``message``, what to do in ``hint``."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}"


class UsageError(Turbo2dsError, ValueError):
    """The options are refused; nothing was touched."""


class InputError(Turbo2dsError):
    """The URL list cannot be read."""


class OutputError(Turbo2dsError):
    """The dataset cannot be written."""


class ConfigMismatchError(Turbo2dsError):
    """The output folder holds a dataset of other options or another list."""


class LocalResourceError(Turbo2dsError):
    """This machine lacks something the run needs."""
