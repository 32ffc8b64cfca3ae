"""From the engine's table of options to Python's view of them: names, order, defaults, types.

img2dataset's arguments come first, in its order, so that calls by position mean the same; the engine's
further options follow and go by name alone.
"""

import inspect
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable, Optional, Union

from turbo2ds import _engine
from turbo2ds._events import Progress
from turbo2ds.errors import UsageError

IMG2DATASET_ORDER = (
    "url_list image_size output_folder processes_count resize_mode resize_only_if_bigger"
    " upscale_interpolation downscale_interpolation encode_quality encode_format skip_reencode"
    " output_format input_format url_col caption_col bbox_col thread_count number_sample_per_shard"
    " extract_exif save_additional_columns timeout enable_wandb wandb_project oom_shard_count"
    " compute_hash verify_hash distributor subjob_size retries disable_all_reencoding min_image_size"
    " max_image_area max_aspect_ratio incremental_mode max_shard_retry user_agent_token"
    " disallowed_header_directives ignore_ssl_certificate"
).split()

#: Arguments of ``download`` that are no options of the engine, in their order.
STORAGE_OPTIONS = "storage_options"
ON_PROGRESS = "on_progress"

#: The engine's option for what stores take, whose values may be secrets.
STORAGE_OPTION = "storage_option"


@dataclass(frozen=True)
class Option:
    """One option of the engine."""

    name: str
    #: BOOL, INT, NUMBER, TEXT, PATH, LIST, or the words of a choice with bars between.
    kind: str
    default_text: str
    help: str
    repeatable: bool

    @property
    def required(self) -> bool:
        return self.default_text == ""

    @property
    def default(self) -> Any:
        # A list's default may be long, and lists are mutable: None stands for it.
        if self.required:
            return inspect.Parameter.empty
        if self.default_text == "None" or self.kind == "LIST":
            return None
        if self.kind == "BOOL":
            return self.default_text == "True"
        if self.kind == "INT":
            return int(self.default_text)
        if self.kind == "NUMBER":
            number = float(self.default_text)
            return int(number) if number.is_integer() else number
        return self.default_text

    @property
    def annotation(self) -> Any:
        kinds = {
            "BOOL": bool,
            "INT": int,
            "NUMBER": float,
            "TEXT": str,
            "PATH": Union[str, "os.PathLike[str]"],
            "LIST": list[str],
        }
        # The words of a choice are plain texts, as they are to img2dataset's callers.
        plain = kinds.get(self.kind, str)
        return Optional[plain] if self.nullable else plain

    @property
    def nullable(self) -> bool:
        """Whether ``None`` is a value of it."""
        return self.default is None or "None" in self.kind.split("|")

    @property
    def positional(self) -> bool:
        """Whether it is one of img2dataset's."""
        return self.name in IMG2DATASET_ORDER

    def value(self, text: str) -> Any:
        """The value of a text of the command line, as far as this package needs to understand it."""
        if text in ("None", "none", "null"):
            return None
        if self.kind == "BOOL":
            return text in ("True", "true", "1")
        if self.kind == "INT":
            return int(text)
        return text

    def arguments(self, value: Any) -> list[str]:
        """The value on a command line; nothing where the default holds."""
        if value is None and self.kind == "LIST":
            return []
        if value == self.default and type(value) is type(self.default):
            return []
        if self.name == STORAGE_OPTION:
            return storage_arguments(value)
        return [f"--{self.name}={_text(self, value)}"]


def _text(option: Option, value: Any) -> str:
    if isinstance(value, (list, tuple, set)):
        parts = [part if isinstance(part, str) else str(part) for part in value]
        return json.dumps(parts, ensure_ascii=False)
    text = path_text(value) if option.kind == "PATH" else str(value)
    # The engine drops one pair of quotes around a text: what has some of its own gets another.
    if option.kind in ("TEXT", "PATH") and text[:1] in ("'", '"'):
        text = f'"{text}"'
    return text


def path_text(path: Any) -> str:
    """A path or a store's URL as text, its home as it is here."""
    text = str(os.fspath(path) if isinstance(path, os.PathLike) else path)
    if isinstance(path, os.PathLike) and re.match("[A-Za-z][A-Za-z0-9+.-]*:/(?!/)", text):
        raise UsageError(f"`{text}` was a URL before it became a path", "give the URL of a store as text")
    return with_home(text)


def storage_arguments(options: Any) -> list[str]:
    """What stores take, as arguments of the engine: of a mapping its items, as fsspec's users write them,
    and of a list its texts ``KEY=VALUE``.

    An item that is ``None`` is not given. No error repeats a value: it may be a secret.
    """
    if options is None:
        return []
    if isinstance(options, Mapping):
        items = [_pair(key, value) for key, value in options.items() if value is not None]
    else:
        items = [options] if isinstance(options, str) else list(options)
    if not all(isinstance(item, str) for item in items):
        raise UsageError("storage_option is no list of texts", "give KEY=VALUE texts, or a dict")
    # One argument for each: in a list on one line, a value's line breaks would be lost.
    return [f"--{STORAGE_OPTION}={item}" for item in items]


def _pair(key: Any, value: Any) -> str:
    if not isinstance(key, str) or not key or "=" in key:
        raise UsageError("a key of storage_options is no name", "give a dict such as {'endpoint_url': 'https://...'}")
    if not isinstance(value, str):
        try:
            value = json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError):
            message = f"the value of `{key}` in storage_options is of another kind than JSON has"
            raise UsageError(message, "give a text, a number, True, False, or a dict of such") from None
    return f"{key}={value}"


def with_home(path: str) -> str:
    """A path with ``~`` or ``~/`` in front made whole here: another machine has another HOME.

    Another user's folder (``~name``) is left to the engine, which refuses it with a hint.
    """
    return os.path.expanduser(path) if path == "~" or path.startswith("~/") else path


def options() -> dict[str, Option]:
    """The engine's options by name: img2dataset's in its order, then the others in the engine's."""
    table = {row[0]: Option(*row) for row in _engine.options()}
    ordered = {name: table.pop(name) for name in IMG2DATASET_ORDER}
    return {**ordered, **table}


def signature(table: dict[str, Option]) -> inspect.Signature:
    """The signature of ``download``."""
    kinds = inspect.Parameter
    parameters = [
        inspect.Parameter(
            option.name,
            kinds.POSITIONAL_OR_KEYWORD if option.positional else kinds.KEYWORD_ONLY,
            default=option.default,
            annotation=option.annotation,
        )
        for option in table.values()
    ]
    own = {STORAGE_OPTIONS: Mapping[str, Any], ON_PROGRESS: Callable[[Progress], None]}
    parameters += [
        inspect.Parameter(name, kinds.KEYWORD_ONLY, default=None, annotation=Optional[kind])
        for name, kind in own.items()
    ]
    return inspect.Signature(parameters)
