"""Datasets in stores: written, read back, and no secret where it does not belong."""

import contextlib
import dataclasses
import io
import os
import pathlib
import pickle
import subprocess
import sys
import textwrap

import pyarrow
import pytest
import turbo2ds
from stores import SECRET
from turbo2ds import _engine
from turbo2ds._job import Job
from turbo2ds._place import StoreFile, place_of
from turbo2ds._signature import storage_arguments

ROWS, PER_SHARD = 12, 5
OPTIONS = {"image_size": 32, "number_sample_per_shard": PER_SHARD}
FORMATS = {"files": "", "webdataset": ".tar", "parquet": ".parquet", "tfrecord": ".tfrecord"}


def check(run, url, ending):
    """A run of `small_list` in three shards, as `test_open_run` has it of a folder."""
    assert (run.folder, repr(run)) == (url, f"Run({url!r})")
    assert [(shard.shard_id, shard.stats["count"]) for shard in run.shards] == [(0, 5), (1, 5), (2, 2)]
    assert [shard.folder for shard in run.shards] == [url] * 3
    assert [shard.data for shard in run.shards] == [f"{url}/{number:05}{ending}" for number in range(3)]
    assert run.shards[1].metadata_file == f"{url}/00001.parquet"
    assert (run.stats["count"], run.stats["successes"], run.stats["shards"]) == (12, 11, 3)
    assert run.failures == {"HTTP Error 404: Not Found": 1}
    assert run.options["image_size"] == 32
    assert [one["first_shard_id"] for one in run.runs] == [0]
    table = run.metadata()
    assert table.num_rows == ROWS
    assert not any(pyarrow.types.is_binary(field.type) for field in table.schema)
    assert table.column("status").to_pylist().count("success") == 11
    assert [part.num_rows for part in run.iter_metadata(["key"])] == [5, 5, 2]


@pytest.mark.parametrize("output_format", FORMATS)
def test_a_dataset_in_memory_is_written_and_read_back(small_list, output_format):
    url = f"memory://tests/{output_format}"
    given = {**OPTIONS, "output_folder": url, "output_format": output_format}
    report = turbo2ds.download(small_list, **given)
    assert (report.output_folder, report.shards, report.successes) == (url, 3, 11)
    check(turbo2ds.open_run(url + "/"), url, FORMATS[output_format])
    check(report.open(), url, FORMATS[output_format])
    again = turbo2ds.download(small_list, **given)
    assert (again.shards, again.shards_before) == (0, 3)


def test_a_dataset_without_samples_has_neither_data_nor_metadata(small_list):
    report = turbo2ds.download(small_list, output_folder="memory://tests/dummy", output_format="dummy")
    (shard,) = report.open().shards
    assert (shard.data, shard.metadata_file) == (None, None)
    assert report.open().metadata().num_rows == 0
    with pytest.raises(turbo2ds.OutputError, match="no metadata"):
        shard.metadata()


def test_a_run_that_is_open_follows_the_dataset(small_list):
    given = {**OPTIONS, "output_folder": "memory://tests/followed"}
    turbo2ds.download(small_list, **given, shard_range="0-0")
    run = turbo2ds.open_run("memory://tests/followed")
    assert [shard.shard_id for shard in run.shards] == [0]
    turbo2ds.download(small_list, **given)
    assert {shard.shard_id for shard in run.new_shards(known={0})} == {1, 2}
    assert run.stats["count"] == ROWS


def test_a_file_of_a_store_is_read_in_any_order(small_list):
    url = "memory://tests/bytes"
    turbo2ds.download(small_list, output_folder=url, output_format="webdataset")
    place = place_of(url, None)
    place.look()
    file = place.open("00000.tar")
    assert isinstance(file, StoreFile)
    whole = file.read()
    assert len(whole) == file.seek(0, io.SEEK_END) and len(whole) % 512 == 0
    assert file.read() == b"" and file.seek(10, io.SEEK_END) and file.read(4) == b""
    assert file.seek(257) == 257 and file.read(5) == b"ustar" == whole[257:262]
    assert file.seek(-6, io.SEEK_CUR) == 256 and file.read(3) == whole[256:259]
    with pytest.raises(ValueError):
        file.seek(-1)


def test_what_is_not_there_is_an_error_with_a_hint():
    with pytest.raises(turbo2ds.OutputError, match="no folder at memory://tests/nothing\nhint"):
        turbo2ds.open_run("memory://tests/nothing")
    for url in ["ftp://host/x", "s3://", "https://host/x"]:
        with pytest.raises(turbo2ds.UsageError, match="hint"):
            turbo2ds.open_run(url)


def test_a_url_that_became_a_path_is_refused(small_list, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(turbo2ds.UsageError, match="give the URL of a store as text"):
        turbo2ds.download(small_list, output_folder=pathlib.Path("s3://bucket/out"))
    with pytest.raises(turbo2ds.UsageError, match="give the URL of a store as text"):
        turbo2ds.open_run(pathlib.Path("memory://out"))


def test_a_url_of_a_file_is_a_path(small_list, tmp_path):
    report = turbo2ds.download(small_list, output_folder=f"file://{tmp_path}/out", output_format="dummy")
    run = report.open()
    assert run.folder == tmp_path / "out" and len(run.shards) == 1


def test_memory_is_no_place_for_other_processes(small_list):
    for distributor in ("pyspark", "ray"):
        with pytest.raises(turbo2ds.UsageError, match="every worker reaches"):
            turbo2ds.download(small_list, output_folder="Memory://out", distributor=distributor)


def test_storage_options_are_written_as_the_command_line_has_them():
    given = {"anon": True, "timeout": 5, "secret": 'a="b"\n,[c]', "client_kwargs": {"verify": False}, "token": None}
    assert storage_arguments(given) == [
        "--storage_option=anon=true",
        "--storage_option=timeout=5",
        '--storage_option=secret=a="b"\n,[c]',
        '--storage_option=client_kwargs={"verify": false}',
    ]
    assert storage_arguments(["key=a", "secret=b"]) == ["--storage_option=key=a", "--storage_option=secret=b"]
    assert storage_arguments("key=a") == ["--storage_option=key=a"]
    assert storage_arguments(None) == storage_arguments({}) == []


REFUSED = [
    {"secret": {1, SECRET}},
    {"secret": {"inner": object(), "other": SECRET}},
    {"=" + SECRET: "x"},
    {7: SECRET},
    [SECRET.replace("=", "")],
    [("secret", SECRET)],
    {"no_such_option": SECRET},
    {"client_kwargs": {"no_such_option": SECRET}},
    {"timeout": SECRET},
    {"secret": SECRET},
]


@pytest.mark.parametrize("given", REFUSED, ids=range(len(REFUSED)))
@pytest.mark.parametrize("name", ["storage_options", "storage_option"])
def test_no_error_repeats_a_value(small_list, given, name, capfd):
    with pytest.raises(turbo2ds.UsageError) as refused:
        turbo2ds.download(small_list, output_folder="s3://bucket/out", **{name: given})
    said = f"{refused.value} {refused.value!r} {refused.value.__cause__!r} {capfd.readouterr()}"
    assert SECRET not in said and SECRET.replace("=", "") not in said, said


def test_what_is_shown_and_sent_of_a_run_has_no_secret(small_list):
    # An option for another kind of store: it is passed over.
    given = {"s3.key": "turbo", "s3.secret": SECRET}
    report = turbo2ds.download(small_list, output_folder="memory://tests/secret", storage_options=given)
    run = report.open()
    assert len(run.shards) == 1 and len(report.open(given).shards) == 1
    shown = [repr(report), repr(dataclasses.asdict(report)), repr(run), repr(run.runs)]
    shown += [repr(run.shards), repr([dataclasses.asdict(shard) for shard in run.shards])]
    shown.append(repr(Job(storage_arguments(given), {"storage_option": given})))
    assert not any(SECRET in text for text in shown)
    copied = pickle.dumps(report)
    assert SECRET.encode() not in copied
    copied = pickle.loads(copied)
    assert copied == report and len(copied.open(given).shards) == 1


def test_places_are_shown_without_what_may_be_a_secret():
    assert _engine.place("https://me:s3cret@host/list.csv?sig=s3cret") == (True, "https://host/list.csv")
    assert _engine.place("file:///tmp/out") == (False, "/tmp/out")
    assert _engine.place("out/*.csv") == (False, "out/*.csv")


def test_a_process_that_was_forked_opens_a_dataset_of_its_own(small_list, tmp_path):
    program = f"""
        import os
        import turbo2ds
        url = "memory://forked"
        report = turbo2ds.download({small_list!r}, output_folder=url, output_format="dummy")
        run = report.open()
        child = os.fork()
        if not child:
            try:
                run.shards
            except RuntimeError as error:
                print("open it again" in str(error), flush=True)
            print(len(report.open().shards), flush=True)
            os._exit(0)
        print(os.waitpid(child, 0)[1], len(run.shards))
    """
    line = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines()[-3:] == ["True", "1", "0 1"], done.stdout + done.stderr


def test_a_wait_for_a_store_ends_with_ctrl_c(tmp_path):
    # A server that takes connections and answers nothing.
    program = """
        import socket, threading, _thread
        import turbo2ds
        silent = socket.create_server(("127.0.0.1", 0))
        def interrupt():
            silent.accept()
            _thread.interrupt_main()
        threading.Thread(target=interrupt, daemon=True).start()
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        try:
            turbo2ds.open_run("s3://bucket/out", {"key": "a", "secret": "b", "endpoint_url": endpoint})
        except KeyboardInterrupt:
            print("interrupted")
    """
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
    assert done.stdout == "interrupted\n", done.stderr


def test_a_bucket_has_list_and_dataset(s3, small_list):
    s3.put("lists/list.txt", pathlib.Path(small_list).read_bytes())
    url = s3.url("out/parquet")
    given = {**OPTIONS, "output_folder": url, "output_format": "parquet", "storage_options": s3.options}
    report = turbo2ds.download(s3.url("lists/list.txt"), **given)
    assert (report.count, report.shards) == (ROWS, 3)
    check(report.open(), url, ".parquet")
    check(turbo2ds.open_run(url, storage_options=s3.options), url, ".parquet")
    again = turbo2ds.download(s3.url("lists/list.txt"), **given)
    assert (again.shards, again.shards_before) == (0, 3)
    with pytest.raises(turbo2ds.OutputError, match="no folder at"):
        turbo2ds.open_run(s3.url("out/other"), s3.options)
    with pytest.raises(turbo2ds.OutputError, match="hint"):
        turbo2ds.open_run("s3://no-such-bucket/out", s3.options)


def children():
    """The command lines of this process' children."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"\nPPid:\t{os.getpid()}\n" in (process / "status").read_text(encoding="utf-8"):
                yield (process / "cmdline").read_bytes()


def test_the_secret_of_a_bucket_is_in_no_command_line_nor_output(s3, small_list, capfd):
    lines = set()
    turbo2ds.download(
        small_list,
        output_folder=s3.url("out/quiet"),
        storage_options=s3.options,
        on_progress=lambda progress: lines.update(children()),
    )
    assert not any(SECRET.encode() in line for line in lines)
    said = capfd.readouterr()
    assert SECRET not in said.out + said.err
