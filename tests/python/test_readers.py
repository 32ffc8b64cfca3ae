"""The readers that training code uses can read what turbo2ds writes, and agree with one another."""

import hashlib
import io
import json

import pandas
import pyarrow
import pyarrow.parquet
import pytest
import webdataset
from conftest import FAILED, PER_SHARD, ROWS
from PIL import Image
from tfrecord.reader import tfrecord_loader

SHARDS = -(-ROWS // PER_SHARD)
META_FORMATS = ["webdataset", "files", "tfrecord", "parquet"]


def shards(folder, extension):
    found = sorted(folder.glob(f"*.{extension}"))
    assert len(found) == SHARDS
    return found


def table(folder):
    paths = shards(folder, "parquet")
    return pyarrow.concat_tables(pyarrow.parquet.read_table(path) for path in paths)


def rows_by_key(folder):
    return {row["key"]: row for row in table(folder).to_pylist()}


def from_webdataset(folder):
    urls = [str(path) for path in shards(folder, "tar")]
    samples = webdataset.WebDataset(urls, shardshuffle=False)
    return {s["__key__"]: (s["jpg"], s["txt"].decode()) for s in samples}


def from_files(folder):
    return {
        path.stem: (path.read_bytes(), path.with_suffix(".txt").read_text(encoding="utf-8"))
        for path in folder.glob("*/*.jpg")
    }


def from_parquet(folder):
    rows = table(folder).to_pylist()
    return {row["key"]: (row["jpg"], row["caption"]) for row in rows if row["status"] == "success"}


def from_tfrecord(folder):
    description = {"key": "byte", "jpg": "byte", "txt": "byte"}
    samples = {}
    for path in shards(folder, "tfrecord"):
        for record in tfrecord_loader(str(path), None, description):
            key = bytes(record["key"]).decode()
            samples[key] = (bytes(record["jpg"]), bytes(record["txt"]).decode())
    return samples


READERS = {
    "webdataset": from_webdataset,
    "files": from_files,
    "parquet": from_parquet,
    "tfrecord": from_tfrecord,
}


@pytest.mark.parametrize("output_format", READERS)
def test_every_success_is_an_image_of_the_size_asked_with_its_caption(make_dataset, output_format):
    samples = READERS[output_format](make_dataset(output_format))
    assert len(samples) == ROWS - FAILED
    for image, caption in samples.values():
        with Image.open(io.BytesIO(image)) as opened:
            opened.load()
            assert (opened.format, opened.mode, opened.size) == ("JPEG", "RGB", (64, 64))
        assert caption.startswith("picture ") and "×" in caption


@pytest.mark.parametrize("output_format", READERS)
def test_keys_of_the_list_are_what_the_readers_find(make_dataset, output_format):
    folder = make_dataset(output_format, "--key_col", "id")
    images = {key: image for key, (image, _) in READERS[output_format](folder).items()}
    assert set(images) == {str(row["id"]) for row in table(folder).to_pylist() if row["status"] == "success"}
    numbered = rows_by_key(make_dataset(output_format))
    plain = {key: image for key, (image, _) in READERS[output_format](make_dataset(output_format)).items()}
    assert images == {str(numbered[key]["id"]): image for key, image in plain.items()}


def test_all_formats_hold_the_same_samples(make_dataset):
    expected = from_files(make_dataset("files"))
    for output_format, read in READERS.items():
        assert read(make_dataset(output_format)) == expected, output_format


@pytest.mark.parametrize("output_format", META_FORMATS)
def test_the_metadata_has_a_row_per_url_and_img2datasets_types(make_dataset, output_format):
    metadata = table(make_dataset(output_format))
    assert metadata.num_rows == ROWS
    types = {field.name: field.type for field in metadata.schema}
    for column in ("url", "key", "status", "error_message", "exif", "sha256", "caption"):
        assert types[column] in (pyarrow.string(), pyarrow.large_string()), column
    for column in ("width", "height", "original_width", "original_height"):
        assert types[column] == pyarrow.int32(), column
    names = metadata.schema.names
    order = ["id", "caption", "url", "key", "status", "error_message", "width", "height",
             "original_width", "original_height", "exif", "sha256"]
    assert [name for name in names if name in order] == order


@pytest.mark.parametrize("output_format", META_FORMATS)
def test_pandas_counts_what_the_statistics_count(make_dataset, output_format):
    folder = make_dataset(output_format)
    frames = [pandas.read_parquet(path) for path in shards(folder, "parquet")]
    counted = pandas.concat(frames)["status"].value_counts().to_dict()
    assert counted == {"success": ROWS - FAILED, "failed_to_download": FAILED}
    stats = [json.loads(path.read_text()) for path in sorted(folder.glob("*_stats.json"))]
    assert sum(shard["count"] for shard in stats) == ROWS
    assert sum(shard["successes"] for shard in stats) == ROWS - FAILED
    assert sum(shard["status_dict"].get("HTTP Error 404: Not Found", 0) for shard in stats) == FAILED


def test_a_samples_json_and_its_row_agree(make_dataset):
    folder = make_dataset("webdataset")
    rows = rows_by_key(folder)
    urls = [str(path) for path in shards(folder, "tar")]
    for sample in webdataset.WebDataset(urls, shardshuffle=False):
        assert json.loads(sample["json"]) == rows[sample["__key__"]]


def test_the_hash_is_that_of_the_body_as_it_came(make_dataset):
    folder = make_dataset("webdataset", "--disable_all_reencoding", "True")
    rows = rows_by_key(folder)
    urls = [str(path) for path in shards(folder, "tar")]
    seen = 0
    for sample in webdataset.WebDataset(urls, shardshuffle=False):
        row = rows[sample["__key__"]]
        image = next(sample[name] for name in ("jpg", "png", "webp") if name in sample)
        assert hashlib.sha256(image).hexdigest() == row["sha256"]
        seen += 1
    assert seen == ROWS - FAILED


@pytest.mark.parametrize(("encode_format", "pil_format"), [("png", "PNG"), ("webp", "WEBP")])
def test_other_encodings_open_under_their_own_names(make_dataset, encode_format, pil_format):
    options = ("--encode_format", encode_format)
    quality = ("--encode_quality", "6") if encode_format == "png" else ()
    folder = make_dataset("webdataset", *options, *quality)
    urls = [str(path) for path in shards(folder, "tar")]
    for sample in webdataset.WebDataset(urls, shardshuffle=False):
        with Image.open(io.BytesIO(sample[encode_format])) as opened:
            opened.load()
            assert (opened.format, opened.size) == (pil_format, (64, 64))
