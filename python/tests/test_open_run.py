"""A run as an object: read back without an image."""

import json
import pathlib

import pyarrow
import pytest
import turbo2ds
from turbo2ds import _engine

ROWS, PER_SHARD = 12, 5


@pytest.fixture(params=["files", "webdataset", "parquet", "tfrecord"])
def report(request, small_list, tmp_path):
    return turbo2ds.download(
        small_list,
        output_folder=str(tmp_path / "out"),
        output_format=request.param,
        image_size=32,
        number_sample_per_shard=PER_SHARD,
        resize_mode="keep_ratio",
        max_aspect_ratio=20,
        compute_pdq=True,
    )


def test_a_run_knows_its_shards_statistics_failures_and_options(report):
    run = turbo2ds.open_run(report.output_folder)
    assert [shard.shard_id for shard in run.shards] == [0, 1, 2]
    assert [shard.stats["count"] for shard in run.shards] == [5, 5, 2]
    assert all(shard.data is not None and shard.data.exists() for shard in run.shards)
    assert (run.stats["count"], run.stats["successes"], run.stats["shards"]) == (12, 11, 3)
    assert run.stats["start_time"] < run.stats["end_time"]
    assert run.failures == {"HTTP Error 404: Not Found": 1}
    options = run.options
    assert (options["image_size"], options["resize_mode"]) == (32, "keep_ratio")
    assert (options["max_aspect_ratio"], options["max_image_area"]) == (20, float("inf"))
    assert (options["compute_hash"], options["caption_col"]) == ("sha256", None)
    assert (options["skip_reencode"], options["disable_all_reencoding"]) == (False, False)
    assert report.open().stats == run.stats


def test_the_options_of_a_run_make_the_same_run_again(report):
    options = report.open().options
    again = turbo2ds.download(**options, output_folder=report.output_folder)
    assert (again.shards, again.shards_before) == (0, 3)


def test_metadata_is_every_row_and_no_image(report):
    run = report.open()
    table = run.metadata()
    assert isinstance(table, pyarrow.Table)
    assert table.num_rows == ROWS
    assert not any(pyarrow.types.is_binary(field.type) for field in table.schema)
    assert table.column("status").to_pylist().count("success") == 11
    assert [part.num_rows for part in run.iter_metadata(["key"])] == [5, 5, 2]
    assert run.metadata(["url", "status"]).column_names == ["url", "status"]


def test_metadata_have_every_column_of_the_engines_list(report):
    names = report.open().metadata().column_names
    places = [[names.index(name) for name in column if name in names] for column in _engine.COLUMNS]
    assert [len(place) for place in places] == [1] * len(places), names
    assert sum(places, []) == sorted(sum(places, []))
    assert len(names) == len(places) + 1, "the list's url is the only other"


def test_a_format_has_its_samples_where_they_are_looked_for():
    told = {name: kind for name, kind, *_ in _engine.options()}
    formats = set(told["output_format"].split("|")) - {"dummy"}
    assert len(_engine.SAMPLE_ENDINGS) == len(formats)


def test_an_unfinished_run_shows_what_is_done(report):
    folder = turbo2ds.open_run(report.output_folder).folder
    (folder / "00001_stats.json").write_bytes(b"")
    run = turbo2ds.open_run(folder)
    assert [shard.shard_id for shard in run.shards] == [0, 2]
    assert run.metadata().num_rows == 7


def test_options_of_every_shape_are_read_back(small_list, tmp_path):
    rows = [{"url": line, "title": "x", "sum": "0"} for line in open(small_list).read().split()]
    url_list = tmp_path / 'quoted " é.jsonl'
    url_list.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    given = {
        "url_list": str(url_list),
        "input_format": "jsonl",
        "caption_col": "title",
        "save_additional_columns": ["sum"],
        "downscale_interpolation": "catmullrom",
        "upscale_interpolation": "cubic",
        "skip_reencode": True,
        "compute_hash": None,
        "encode_format": "webp",
        "disallowed_header_directives": [],
        "min_image_size": 10,
    }
    report = turbo2ds.download(**given, output_folder=str(tmp_path / "out"))
    options = report.open().options
    assert {name: options[name] for name in given} == given
    again = turbo2ds.download(**options, output_folder=str(tmp_path / "out"))
    assert again.shards == 0


GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "engine/src/dataset/record/golden"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_records_of_every_version_are_read_as_typed_values(tmp_path, version):
    (tmp_path / ".turbo2ds.json").write_bytes((GOLDEN / f"{version}.json").read_bytes())
    runs = turbo2ds.open_run(tmp_path).runs
    assert [run["first_shard_id"] for run in runs] == [0, 7, 20]
    first, second, third = (run["options"] for run in runs)
    assert (first["image_size"], first["extract_exif"], first["caption_col"]) == (256, True, None)
    assert (first["max_aspect_ratio"], first["upscale_interpolation"]) == (float("inf"), "lanczos")
    assert (second["downscale_interpolation"], second["sample_rate"]) == ("catmullrom", 1.0)
    assert (second["caption_cols"], second["delimiter"]) == (["cap a", 'cap "b"'], "|")
    assert (third["verify_hash"], third["input_format"]) == (["cap", "sha512"], "csv.gz")
    assert third["disable_all_reencoding"]


@pytest.mark.parametrize("text", ["", "{}", '{"version": 3, "runs": []}'])
def test_what_is_no_record_is_an_error_with_a_hint(tmp_path, text):
    (tmp_path / ".turbo2ds.json").write_text(text, encoding="utf-8")
    with pytest.raises(turbo2ds.OutputError, match="hint"):
        print(turbo2ds.open_run(tmp_path).options)


def choices():
    """Every option of the record that is a choice of words, with each word."""
    told = {name: kind for name, kind, *_ in _engine.options()}
    recorded = ["output_format", "resize_mode", "upscale_interpolation", "downscale_interpolation"]
    recorded += ["encode_format", "jpeg_decoder", "compute_hash"]
    return [(name, word) for name in recorded for word in told[name].split("|")]


@pytest.mark.parametrize("name, word", choices())
def test_every_word_of_a_choice_is_read_back(web, tmp_path, name, word):
    url_list = tmp_path / "list.txt"
    url_list.write_text(f"{web}/missing/1.jpg\n", encoding="utf-8")
    given = {"output_format": "dummy", "encode_quality": 9, name: None if word == "None" else word}
    report = turbo2ds.download(str(url_list), output_folder=str(tmp_path / "out"), processes_count=1, **given)
    assert report.open().options[name] == given[name]


def test_a_folder_that_is_not_there_is_an_error_with_a_hint(tmp_path):
    with pytest.raises(turbo2ds.OutputError, match="hint"):
        turbo2ds.open_run(tmp_path / "nothing")
