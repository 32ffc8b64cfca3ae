"""Weights & Biases, offline: the run's own log is read back."""

import json
import subprocess
import sys
import textwrap

import pytest
import turbo2ds
from turbo2ds._wandb import WandbListener

wandb = pytest.importorskip("wandb")
from wandb.proto import wandb_internal_pb2 as protobuf  # noqa: E402

# An offline run is a log as LevelDB keeps it, after a header of its own: blocks of 32 KB with parts
# of records, each with a checksum, a length and whether it is the whole, first, middle or last.
FILE_HEADER, BLOCK, PART_HEADER = 7, 32768, 7
WHOLE, FIRST, LAST = 1, 2, 4

METRICS = ("img_per_sec", "success", "failed_to_download", "failed_to_resize", "count")


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    yield
    # It reads its settings once in a process.
    wandb.teardown()


def records(data):
    at, record = FILE_HEADER, b""
    while at + PART_HEADER <= len(data):
        if BLOCK - at % BLOCK < PART_HEADER:
            at += BLOCK - at % BLOCK
            continue
        length = int.from_bytes(data[at + 4 : at + 6], "little")
        kind = data[at + 6]
        part = data[at + PART_HEADER : at + PART_HEADER + length]
        at += PART_HEADER + length
        record = part if kind in (WHOLE, FIRST) else record + part
        if kind in (WHOLE, LAST):
            yield protobuf.Record.FromString(record)


def logged(folder):
    """The history of the one offline run below a folder, its project, and its tables."""
    # Its service may still be writing what was finished.
    wandb.teardown()
    (log,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    history, project, finished = [], None, False
    for record in records(log.read_bytes()):
        kind = record.WhichOneof("record_type")
        if kind == "history":
            # A nested key is a list of its parts in newer versions.
            items = record.history.item
            history.append({item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items})
        elif kind == "run":
            project = record.run.project
        elif kind == "exit":
            finished = record.exit.exit_code == 0
    tables = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in folder.glob("wandb/offline-run-*/files/media/table/*.json")
    ]
    return history, project, finished, tables


def values(history, name):
    return [row[name] for row in history if name in row]


def test_metrics_have_img2datasets_names_and_the_status_table_is_there(small_list, tmp_path):
    report = turbo2ds.download(
        small_list,
        output_folder=str(tmp_path / "out"),
        number_sample_per_shard=5,
        image_size=32,
        enable_wandb=True,
        wandb_project="of-a-test",
    )
    history, project, finished, tables = logged(tmp_path)
    assert (project, finished) == ("of-a-test", True)
    for prefix in ("worker", "total"):
        assert all(values(history, f"{prefix}/{name}") for name in METRICS), history
    assert sorted(values(history, "worker/count")) == [2, 5, 5]
    assert values(history, "total/count")[-1] == report.count == 12
    assert values(history, "total/success")[-1] == pytest.approx(11 / 12)
    assert values(history, "total/failed_to_download")[-1] == pytest.approx(1 / 12)
    last = max(tables, key=lambda table: sum(row[2] for row in table["data"]))
    assert last["columns"] == ["status", "frequency", "count"]
    assert [row[0] for row in last["data"]] == ["success", "HTTP Error 404: Not Found"]
    assert [row[2] for row in last["data"]] == [11, 1]


def test_totals_are_logged_while_the_first_shard_is_under_way(tmp_path):
    now = [0.0]
    failures = {"dns lookup failed": 10}
    counts = {"successes": 30, "failed_to_download": 10, "failed_to_resize": 0, "failures": failures}
    with WandbListener("of-a-test", {"image_size": 32}, lambda: now[0]) as listener:
        for second in range(0, 130):
            now[0] = float(second)
            listener.take({"event": "progress", "count": 40, **counts})
    history, _, _, tables = logged(tmp_path)
    assert len(values(history, "total/count")) == 26
    assert values(history, "worker/count") == []
    assert len(tables) == 3


def test_the_console_script_reports_too(small_list, tmp_path):
    command = [sys.executable, "-m", "turbo2ds", small_list, "--output_folder", str(tmp_path / "out")]
    done = subprocess.run([*command, "--enable_wandb"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "total   - success: 0.917" in done.stdout
    history, project, _, _ = logged(tmp_path)
    assert project == "img2dataset"
    assert values(history, "total/count")[-1] == 12


def test_a_field_that_may_be_a_secret_is_not_logged(tmp_path):
    configs = [{"header": header} for header in ["Authorization: s3cret", ["X-One: s3cret"], '["Cookie: s3cret"]']]
    configs += [{"storage_option": given} for given in [{"secret": "s3cret"}, ["secret=s3cret"], "secret=s3cret"]]
    configs += [{"url_list": "https://me:s3cret@host/list.csv?sig=s3cret", "output_folder": "s3://bucket/out"}]
    for config in configs:
        with WandbListener("of-a-test", config, lambda: 0.0):
            pass
    wandb.teardown()
    logs = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert logs and not any(b"s3cret" in log for log in logs)


def test_a_refused_run_opens_nothing(small_list, tmp_path):
    with pytest.raises(turbo2ds.UsageError):
        turbo2ds.download(small_list, image_size=0, enable_wandb=True)
    assert not list(tmp_path.glob("wandb/offline-run-*"))


def test_without_wandb_the_hint_says_what_to_install(small_list, tmp_path):
    program = f"""
        import sys
        sys.modules["wandb"] = None
        import turbo2ds
        turbo2ds.download({small_list!r}, output_folder={str(tmp_path / "out")!r}, enable_wandb=True)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=120
    )
    assert "hint: pip install 'turbo2ds[wandb]'" in done.stderr
