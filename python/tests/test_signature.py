"""``download`` has img2dataset's arguments: names, order, defaults, types."""

import inspect
import typing

import pytest
from turbo2ds import download

# inspect.signature(img2dataset.download) of img2dataset 1.47.0.
IMG2DATASET = [
    ("url_list", inspect.Parameter.empty, str),
    ("image_size", 256, int),
    ("output_folder", "images", str),
    ("processes_count", 1, int),
    ("resize_mode", "border", str),
    ("resize_only_if_bigger", False, bool),
    ("upscale_interpolation", "lanczos", str),
    ("downscale_interpolation", "area", str),
    ("encode_quality", 95, int),
    ("encode_format", "jpg", str),
    ("skip_reencode", False, bool),
    ("output_format", "files", str),
    ("input_format", "txt", str),
    ("url_col", "url", str),
    ("caption_col", None, typing.Optional[str]),
    ("bbox_col", None, typing.Optional[str]),
    ("thread_count", 256, int),
    ("number_sample_per_shard", 10000, int),
    ("extract_exif", True, bool),
    ("save_additional_columns", None, typing.Optional[typing.List[str]]),
    ("timeout", 10, int),
    ("enable_wandb", False, bool),
    ("wandb_project", "img2dataset", str),
    ("oom_shard_count", 5, int),
    ("compute_hash", "sha256", typing.Optional[str]),
    ("verify_hash", None, typing.Optional[typing.List[str]]),
    ("distributor", "multiprocessing", str),
    ("subjob_size", 1000, int),
    ("retries", 0, int),
    ("disable_all_reencoding", False, bool),
    ("min_image_size", 0, int),
    ("max_image_area", float("inf"), float),
    ("max_aspect_ratio", float("inf"), float),
    ("incremental_mode", "incremental", str),
    ("max_shard_retry", 1, int),
    ("user_agent_token", None, typing.Optional[str]),
    ("disallowed_header_directives", None, typing.Optional[typing.List[str]]),
]

# Ours where nothing is given: all cores, downloads that adapt, the format by the list's extension.
OTHER_DEFAULTS = {"processes_count": None, "thread_count": None, "input_format": None}


def ours():
    return list(inspect.signature(download).parameters.values())


def test_the_first_arguments_are_img2datasets_in_its_order():
    positional = [p.name for p in ours() if p.kind is p.POSITIONAL_OR_KEYWORD]
    theirs = [name for name, _, _ in IMG2DATASET]
    assert positional[: len(theirs)] == theirs
    # In img2dataset after 1.47.0.
    assert positional[len(theirs) :] == ["ignore_ssl_certificate"]


@pytest.mark.parametrize("name, default, kind", IMG2DATASET)
def test_an_argument_has_img2datasets_default_and_takes_its_type(name, default, kind):
    parameter = {p.name: p for p in ours()}[name]
    expected = OTHER_DEFAULTS.get(name, default)
    assert parameter.default == expected
    assert type(parameter.default) is type(expected)
    assert takes(parameter.annotation, kind)


def takes(annotation, kind):
    """Whether what is of `kind` is of `annotation`."""
    wider = {int: (int, float)}
    ours_, theirs = alternatives(annotation), alternatives(kind)
    return all(any(one in ours_ for one in wider.get(other, (other,))) for other in theirs)


def alternatives(annotation):
    if typing.get_origin(annotation) is typing.Union:
        return {normal(part) for part in typing.get_args(annotation)}
    return {normal(annotation)}


def normal(annotation):
    return list[str] if typing.get_origin(annotation) is list else annotation


def test_further_options_go_by_name_alone():
    further = [p for p in ours() if p.kind is p.KEYWORD_ONLY]
    assert {"on_progress", "allow_net", "shard_range"} <= {p.name for p in further}
    with pytest.raises(TypeError):
        download("list.txt", no_such_option=1)
    with pytest.raises(TypeError):
        download()
