"""Writes ``turbo2ds/_download.pyi`` from the engine's table of options: ``python stubs.py``.

The signature that Python shows is made at import; type checkers and editors read this file. A test
holds the two together.
"""

import inspect
import pathlib
import textwrap

from turbo2ds._signature import ON_PROGRESS, STORAGE_OPTIONS, Option, options

STUB = pathlib.Path(__file__).parent / "turbo2ds" / "_download.pyi"

HEAD = '''\
# Written by stubs.py from the engine's table of options.
import os
from collections.abc import Mapping
from typing import Any, Callable, Optional, Union

from turbo2ds._events import Progress
from turbo2ds._report import RunReport

def download(
'''

TYPES = {
    "BOOL": "bool",
    "INT": "int",
    "NUMBER": "float",
    "PATH": 'Union[str, "os.PathLike[str]"]',
    "LIST": "list[str]",
}


def annotation(option: Option) -> str:
    plain = TYPES.get(option.kind, "str")
    return f"Optional[{plain}]" if option.nullable else plain


def default(option: Option) -> str:
    if option.default is inspect.Parameter.empty:
        return ""
    # A stub's defaults are literals.
    literal = "..." if option.default == float("inf") else repr(option.default).replace("'", '"')
    return f" = {literal}"


def parameter(option: Option) -> str:
    comment = textwrap.wrap(option.help, 95, initial_indent="    # ", subsequent_indent="    # ")
    return "\n".join([*comment, f"    {option.name}: {annotation(option)}{default(option)},\n"])


def stub() -> str:
    table = options().values()
    text = HEAD + "".join(parameter(option) for option in table if option.positional)
    text += "    *,\n" + "".join(parameter(option) for option in table if not option.positional)
    text += "    # How the stores of the list and the dataset are reached, as fsspec takes it.\n"
    text += f"    {STORAGE_OPTIONS}: Optional[Mapping[str, Any]] = None,\n"
    text += f"    {ON_PROGRESS}: Optional[Callable[[Progress], None]] = None,\n"
    return text + ") -> RunReport: ...\n"


if __name__ == "__main__":
    STUB.write_text(stub(), encoding="utf-8")
