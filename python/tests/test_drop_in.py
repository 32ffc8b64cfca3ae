"""What a caller of img2dataset's ``download`` relies on. Nothing here is turbo2ds' own: with the import
below changed to img2dataset's, the tests are about img2dataset."""

import csv
import glob
import gzip
import hashlib
import io
import json
import os
import tarfile
import time

import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from turbo2ds import download

WIDTH, HEIGHT = 120, 80
GOOD = 10
BAD = 2
COUNT = GOOD + BAD


@pytest.fixture
def rows(web):
    """Rows of a list: pictures, then URLs with none behind them."""
    paths = [f"/img/{seed}.jpg?w={WIDTH}&h={HEIGHT}" for seed in range(GOOD)]
    paths += [f"/missing/{number}.jpg" for number in range(BAD)]
    return [
        {"url": web + path, "caption": f'a picture, "{number}" é', "id": number}
        for number, path in enumerate(paths)
    ]


def write_txt(rows, stream):
    stream.write("".join(row["url"] + "\n" for row in rows))


def write_separated(delimiter):
    def write(rows, stream):
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)

    return write


def write_json(rows, stream):
    json.dump(rows, stream)


def write_jsonl(rows, stream):
    stream.write("".join(json.dumps(row) + "\n" for row in rows))


TEXT_WRITERS = {
    "txt": write_txt,
    "csv": write_separated(","),
    "tsv": write_separated("\t"),
    "json": write_json,
    "jsonl": write_jsonl,
}
INPUT_FORMATS = [*TEXT_WRITERS, *(f"{name}.gz" for name in TEXT_WRITERS), "parquet"]


def write_list(folder, input_format, rows, name="list"):
    path = os.path.join(str(folder), f"{name}.{input_format}")
    if input_format == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
        return path
    plain, _, zipped = input_format.partition(".")
    opener = gzip.open if zipped else open
    with opener(path, "wt", encoding="utf-8", newline="") as stream:
        TEXT_WRITERS[plain](rows, stream)
    return path


def metadata(folder):
    """Rows of all shards, in the order of their keys."""
    paths = sorted(glob.glob(os.path.join(str(folder), "*.parquet")))
    tables = [row for path in paths for row in pyarrow.parquet.read_table(path).to_pylist()]
    return sorted(tables, key=lambda row: row["key"])


def from_files(folder):
    for path in glob.glob(os.path.join(str(folder), "*", "*.json")):
        stem = path[: -len(".json")]
        with open(path, encoding="utf-8") as described:
            sample = {"json": json.load(described)}
        for extension in ("jpg", "png", "webp", "txt"):
            if os.path.exists(f"{stem}.{extension}"):
                with open(f"{stem}.{extension}", "rb") as member:
                    sample[extension] = member.read()
        yield os.path.basename(stem), sample


def from_webdataset(folder):
    samples = {}
    for path in glob.glob(os.path.join(str(folder), "*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                key, extension = member.name.split(".", 1)
                samples.setdefault(key, {})[extension] = tar.extractfile(member).read()
    for key, sample in samples.items():
        yield key, {**sample, "json": json.loads(sample["json"])}


def from_parquet(folder):
    for row in metadata(folder):
        if row["status"] == "success":
            sample = {name: row[name] for name in ("jpg", "png", "webp") if name in row}
            if "caption" in row:
                sample["txt"] = (row["caption"] or "").encode()
            yield row["key"], {**sample, "json": row}


def from_tfrecord(folder):
    from tfrecord.reader import tfrecord_loader

    for path in glob.glob(os.path.join(str(folder), "*.tfrecord")):
        for record in tfrecord_loader(path, None, {"key": "byte", "jpg": "byte", "txt": "byte", "url": "byte"}):
            fields = {name: bytes(value) for name, value in record.items()}
            yield fields.pop("key").decode(), {**fields, "json": {"url": fields["url"].decode()}}


READERS = {
    "files": from_files,
    "webdataset": from_webdataset,
    "parquet": from_parquet,
    "tfrecord": from_tfrecord,
}


def samples(folder, output_format):
    return dict(READERS[output_format](folder))


def size_of(image):
    with Image.open(io.BytesIO(image)) as opened:
        opened.load()
        return opened.size


def stats(folder):
    marks = []
    for path in sorted(glob.glob(os.path.join(str(folder), "*_stats.json"))):
        with open(path, encoding="utf-8") as mark:
            marks.append(json.load(mark))
    return marks


@pytest.mark.parametrize("input_format", INPUT_FORMATS)
def test_every_input_format_gives_every_row(tmp_path, rows, input_format):
    url_list = write_list(tmp_path, input_format, rows)
    output = str(tmp_path / "out")
    columns = {} if input_format.startswith("txt") else {"caption_col": "caption", "url_col": "url"}
    download(
        url_list,
        image_size=64,
        output_folder=output,
        thread_count=8,
        input_format=input_format,
        output_format="files",
        **columns,
    )
    table = metadata(output)
    assert [row["url"] for row in table] == [row["url"] for row in rows]
    assert [row["status"] for row in table] == ["success"] * GOOD + ["failed_to_download"] * BAD
    if columns:
        assert [row["caption"] for row in table] == [row["caption"] for row in rows]
    assert len(samples(output, "files")) == GOOD


@pytest.mark.parametrize("output_format", READERS)
def test_every_output_format_holds_the_same_samples(tmp_path, rows, output_format):
    url_list = write_list(tmp_path, "csv", rows)
    output = str(tmp_path / "out")
    download(
        url_list=url_list,
        image_size=64,
        output_folder=output,
        thread_count=8,
        input_format="csv",
        output_format=output_format,
        url_col="url",
        caption_col="caption",
        save_additional_columns=["id"],
        number_sample_per_shard=5,
    )
    found = samples(output, output_format)
    assert sorted(found) == [f"{shard:05d}{row}" for shard in range(3) for row in range(5)][:GOOD]
    by_url = {row["url"]: row for row in rows}
    for sample in found.values():
        row = by_url[sample["json"]["url"]]
        assert sample["txt"].decode() == row["caption"]
        assert size_of(sample["jpg"]) == (64, 64)
    table = metadata(output)
    assert [row["id"] for row in table] == list(range(COUNT))
    assert sum(mark["count"] for mark in stats(output)) == COUNT
    assert sum(mark["successes"] for mark in stats(output)) == GOOD
    failed = [row for row in table if row["status"] != "success"]
    assert all(row["error_message"] == "HTTP Error 404: Not Found" for row in failed)


def test_dummy_output_is_statistics_alone(tmp_path, rows):
    url_list = write_list(tmp_path, "txt", rows)
    output = str(tmp_path / "out")
    download(url_list, output_folder=output, thread_count=8, output_format="dummy")
    seen = [name for name in os.listdir(output) if not name.startswith(".")]
    assert seen == ["00000_stats.json"]
    assert stats(output)[0]["status_dict"] == {"success": GOOD, "HTTP Error 404: Not Found": BAD}


@pytest.mark.parametrize(
    "resize_mode, expected",
    [
        ("no", (WIDTH, HEIGHT)),
        ("border", (40, 40)),
        ("keep_ratio", (60, 40)),
        ("keep_ratio_largest", (40, 27)),
        ("center_crop", (40, 40)),
    ],
)
def test_every_resize_mode_gives_its_size(tmp_path, rows, resize_mode, expected):
    url_list = write_list(tmp_path, "txt", rows)
    output = str(tmp_path / "out")
    download(
        url_list,
        image_size=40,
        output_folder=output,
        thread_count=8,
        resize_mode=resize_mode,
        resize_only_if_bigger=True,
        output_format="webdataset",
    )
    found = samples(output, "webdataset")
    assert len(found) == GOOD
    for sample in found.values():
        assert size_of(sample["jpg"]) == expected
        described = sample["json"]
        assert (described["width"], described["height"]) == expected
        assert (described["original_width"], described["original_height"]) == (WIDTH, HEIGHT)


def test_a_small_image_is_left_alone_where_only_bigger_ones_are_resized(tmp_path, rows):
    url_list = write_list(tmp_path, "txt", rows)
    output = str(tmp_path / "out")
    download(
        url_list,
        image_size=400,
        output_folder=output,
        thread_count=8,
        resize_mode="keep_ratio",
        resize_only_if_bigger=True,
        skip_reencode=True,
        output_format="webdataset",
    )
    for sample in samples(output, "webdataset").values():
        assert size_of(sample["jpg"]) == (WIDTH, HEIGHT)
        assert hashlib.sha256(sample["jpg"]).hexdigest() == sample["json"]["sha256"]


@pytest.mark.parametrize("encode_format, quality", [("jpg", 90), ("png", 6), ("webp", 90)])
def test_every_encode_format_is_what_it_says(tmp_path, rows, encode_format, quality):
    url_list = write_list(tmp_path, "txt", rows)
    output = str(tmp_path / "out")
    download(
        url_list,
        image_size=32,
        output_folder=output,
        thread_count=8,
        encode_format=encode_format,
        encode_quality=quality,
        output_format="webdataset",
    )
    found = samples(output, "webdataset")
    assert len(found) == GOOD
    for sample in found.values():
        with Image.open(io.BytesIO(sample[encode_format])) as opened:
            assert opened.format == {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[encode_format]


def test_bytes_stay_as_they_came_where_nothing_is_to_be_encoded(tmp_path, rows):
    url_list = write_list(tmp_path, "txt", rows)
    output = str(tmp_path / "out")
    download(
        url_list,
        output_folder=output,
        thread_count=8,
        disable_all_reencoding=True,
        compute_hash="md5",
        output_format="webdataset",
    )
    for sample in samples(output, "webdataset").values():
        assert hashlib.md5(sample["jpg"]).hexdigest() == sample["json"]["md5"]


def test_hashes_of_the_list_are_held_against_the_bodies(tmp_path, rows):
    first = str(tmp_path / "first")
    download(write_list(tmp_path, "csv", rows), output_folder=first, thread_count=8, input_format="csv")
    hashes = {row["url"]: row["sha256"] for row in metadata(first)}
    checked = [{**row, "hash": hashes[row["url"]] or ""} for row in rows]
    checked[0]["hash"] = "0" * 64
    second = str(tmp_path / "second")
    download(
        write_list(tmp_path, "csv", checked, "checked"),
        output_folder=second,
        thread_count=8,
        input_format="csv",
        verify_hash=["hash", "sha256"],
    )
    table = metadata(second)
    assert [row["status"] for row in table].count("success") == GOOD - 1
    assert table[0]["error_message"] == "hash mismatch"


def test_images_outside_the_size_filters_are_refused(tmp_path, rows):
    url_list = write_list(tmp_path, "txt", rows)
    for name, options in [
        ("small", {"min_image_size": HEIGHT + 1}),
        ("large", {"max_image_area": WIDTH * HEIGHT - 1}),
        ("long", {"max_aspect_ratio": 1.4}),
    ]:
        output = str(tmp_path / name)
        download(url_list, output_folder=output, thread_count=8, output_format="webdataset", **options)
        assert not samples(output, "webdataset")
        assert sum(mark["failed_to_resize"] for mark in stats(output)) == GOOD


def test_a_folder_of_lists_is_read_in_order_a_shard_for_each(tmp_path, rows):
    folder = tmp_path / "lists"
    folder.mkdir()
    write_list(folder, "csv", rows[:4], "a")
    write_list(folder, "csv", rows[4:], "b")
    output = str(tmp_path / "out")
    download(str(folder), output_folder=output, thread_count=8, input_format="csv")
    assert [mark["count"] for mark in stats(output)] == [4, COUNT - 4]
    assert [row["url"] for row in metadata(output)] == [row["url"] for row in rows]


def test_relative_paths_are_taken_from_the_working_folder(tmp_path, rows, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir("below")
    write_list("below", "txt", rows)
    for url_list, output in [("below/list.txt", "out/deep"), ("./below/list.txt", "./out-too")]:
        os.makedirs(os.path.dirname(output), exist_ok=True)
        download(url_list, output_folder=output, thread_count=8)
        assert len(samples(tmp_path / output, "files")) == GOOD


def test_incremental_finishes_what_is_missing_and_repeats_nothing(tmp_path, rows):
    url_list = write_list(tmp_path, "txt", rows)
    output = str(tmp_path / "out")

    def run():
        download(
            url_list,
            output_folder=output,
            thread_count=8,
            output_format="webdataset",
            number_sample_per_shard=4,
            incremental_mode="incremental",
        )

    run()
    kept = os.stat(os.path.join(output, "00000.tar")).st_mtime_ns
    for ending in (".tar", ".parquet", "_stats.json"):
        os.remove(os.path.join(output, "00001" + ending))
    run()
    assert [mark["count"] for mark in stats(output)] == [4, 4, 4]
    assert os.stat(os.path.join(output, "00000.tar")).st_mtime_ns == kept
    assert len(samples(output, "webdataset")) == GOOD


def run_two_shards(url_list, output, mode):
    download(
        url_list,
        output_folder=output,
        thread_count=8,
        output_format="webdataset",
        number_sample_per_shard=6,
        incremental_mode=mode,
    )


def test_extend_counts_on_after_the_last_shard(tmp_path, rows):
    output = str(tmp_path / "out")
    url_list = write_list(tmp_path, "txt", rows)
    run_two_shards(url_list, output, "incremental")
    run_two_shards(url_list, output, "extend")
    tars = sorted(os.path.basename(path) for path in glob.glob(os.path.join(output, "*.tar")))
    assert tars == [f"{shard:05d}.tar" for shard in range(4)]
    assert len(metadata(output)) == 2 * COUNT


def test_overwrite_begins_anew(tmp_path, rows):
    output = str(tmp_path / "out")
    url_list = write_list(tmp_path, "txt", rows)
    run_two_shards(url_list, output, "incremental")
    run_two_shards(url_list, output, "extend")
    run_two_shards(url_list, output, "overwrite")
    assert len(stats(output)) == 2
    assert len(metadata(output)) == COUNT


@pytest.mark.parametrize(
    "fault, token, directives, expected",
    [
        ("robots-noindex", None, None, 0),
        ("robots-noai-case", None, None, 0),
        ("robots-noindex", None, [], 1),
        ("robots-noindex", None, ["noai"], 1),
        ("robots-agent", "fakeweb", None, 0),
        ("robots-agent", "FakeWeb/1.0 (+https://example.org/bot; bot@example.org)", None, 0),
        ("robots-agent", "Mozilla/5.0", None, 1),
        ("robots-other-agent", "fakeweb", None, 1),
        ("robots-harmless", None, None, 1),
    ],
)
def test_x_robots_tag_is_obeyed(tmp_path, web, fault, token, directives, expected):
    url_list = write_list(tmp_path, "txt", [{"url": f"{web}/fault/{fault}"}])
    output = str(tmp_path / "out")
    download(
        url_list,
        output_folder=output,
        thread_count=1,
        output_format="webdataset",
        user_agent_token=token,
        disallowed_header_directives=directives,
    )
    assert len(samples(output, "webdataset")) == expected
    if not expected:
        message = metadata(output)[0]["error_message"]
        assert message == "Use of image disallowed by X-Robots-Tag directive"


def test_arguments_that_cannot_be_met_are_value_errors(tmp_path, rows):
    url_list = write_list(tmp_path, "csv", rows)
    for options in [
        {"compute_hash": "crc32"},
        {"verify_hash": ["id", "md5"]},
        {"save_additional_columns": ["status"]},
        {"incremental_mode": "sometimes"},
        {"output_format": "zip"},
    ]:
        with pytest.raises(ValueError):
            download(url_list, output_folder=str(tmp_path / "out"), input_format="csv", **options)


def test_arguments_may_be_given_by_position(tmp_path, rows):
    url_list = write_list(tmp_path, "txt", rows)
    output = str(tmp_path / "out")
    download(url_list, 48, output, 1, "center_crop", False, "lanczos", "area", 95, "jpg", False, "webdataset")
    found = samples(output, "webdataset")
    assert {size_of(sample["jpg"]) for sample in found.values()} == {(48, 48)}


def test_the_list_and_columns_may_have_other_names(tmp_path, rows):
    renamed = [{"URL": row["url"], "TEXT": row["caption"], "NSFW": "no"} for row in rows]
    url_list = write_list(tmp_path, "parquet", renamed)
    output = str(tmp_path / "out")
    download(
        url_list,
        output_folder=output,
        thread_count=8,
        input_format="parquet",
        url_col="URL",
        caption_col="TEXT",
        save_additional_columns=["NSFW"],
        output_format="webdataset",
    )
    for sample in samples(output, "webdataset").values():
        assert sample["json"]["NSFW"] == "no"
        assert sample["json"]["caption"] == sample["txt"].decode()


def test_a_thousand_images_take_seconds(tmp_path, web):
    count = 1000
    rows = [{"url": f"{web}/img/{seed % 50}.jpg?w=256&h=200"} for seed in range(count)]
    url_list = write_list(tmp_path, "txt", rows)
    begun = time.perf_counter()
    download(url_list, output_folder=str(tmp_path / "out"), thread_count=32, image_size=128)
    assert time.perf_counter() - begun < 60
    assert sum(mark["successes"] for mark in stats(tmp_path / "out")) == count
