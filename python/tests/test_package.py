"""The package around ``download``: reports, progress, exceptions, the console script."""

import multiprocessing
import pickle
import subprocess
import sys
import sysconfig
import threading

import pytest
import turbo2ds


def test_a_run_gives_a_report(small_list, tmp_path, capfd):
    report = turbo2ds.download(small_list, output_folder=str(tmp_path / "out"), image_size=32)
    assert (report.count, report.successes, report.failed_to_download) == (12, 11, 1)
    assert report.failures == {"HTTP Error 404: Not Found": 1}
    assert (report.shards, report.shards_before, report.shards_missing) == (1, 0, 0)
    assert report.seconds > 0
    again = turbo2ds.download(small_list, output_folder=str(tmp_path / "out"), image_size=32)
    assert (again.count, again.shards, again.shards_before) == (0, 0, 1)
    said = capfd.readouterr().out
    assert "worker  - success: 0.917" in said
    assert "total   - success: 0.917" in said


def test_progress_is_told_in_the_calling_thread_and_nothing_is_printed(small_list, tmp_path, capfd):
    seen, threads = [], set()

    def on_progress(progress):
        seen.append(progress)
        threads.add(threading.get_ident())

    turbo2ds.download(small_list, output_folder=str(tmp_path / "out"), on_progress=on_progress)
    assert threads == {threading.get_ident()}
    assert seen[-1].count == 12
    assert (seen[-1].successes, seen[-1].failed_to_download, seen[-1].failed_to_resize) == (11, 1, 0)
    assert 0 <= seen[0].seconds <= seen[-1].seconds
    metrics = seen[-1].metrics()
    assert (metrics["total/count"], metrics["total/success"]) == (12, 11 / 12)
    assert capfd.readouterr() == ("", "")


def test_what_a_callback_raises_ends_the_run_and_reaches_the_caller(small_list, tmp_path):
    class Enough(Exception):
        pass

    def on_progress(progress):
        raise Enough(progress.count)

    with pytest.raises(Enough):
        turbo2ds.download(small_list, output_folder=str(tmp_path / "out"), on_progress=on_progress)
    assert turbo2ds.open_run(tmp_path / "out").stats["count"] in (0, 12), "a shard is whole or not there"


def test_other_threads_run_while_a_download_does(web, tmp_path):
    urls = [f"{web}/slow/100/{seed}.jpg" for seed in range(40)]
    url_list = tmp_path / "list.txt"
    url_list.write_text("\n".join(urls), encoding="utf-8")
    turns, done = [], threading.Event()

    def count():
        while not done.wait(0.01):
            turns.append(1)

    counter = threading.Thread(target=count)
    counter.start()
    # Not the first thread: the run leaves signals alone there.
    options = {"output_folder": str(tmp_path / "out"), "thread_count": 4, "processes_count": 1}
    runner = threading.Thread(target=turbo2ds.download, args=(str(url_list),), kwargs=options)
    runner.start()
    runner.join()
    done.set()
    counter.join()
    assert turbo2ds.open_run(tmp_path / "out").stats["successes"] == 40
    assert len(turns) > 20


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_run_in_a_child_process_gives_its_report_back(small_list, tmp_path, method):
    with multiprocessing.get_context(method).Pool(2) as pool:
        runs = [
            pool.apply_async(turbo2ds.download, (small_list, 32, str(tmp_path / name)), {"processes_count": 1})
            for name in ("one", "other")
        ]
        reports = [run.get(timeout=120) for run in runs]
    assert [report.successes for report in reports] == [11, 11]


@pytest.mark.parametrize(
    "options, kind, word",
    [
        ({"image_size": 0}, turbo2ds.UsageError, "image_size"),
        ({"url_list": "/no/such/list"}, turbo2ds.InputError, "/no/such/list"),
        ({"output_folder": "/proc/nothing"}, turbo2ds.OutputError, "/proc/nothing"),
    ],
)
def test_a_refused_run_is_an_exception_with_a_hint(small_list, tmp_path, options, kind, word):
    arguments = {"url_list": small_list, "output_folder": str(tmp_path / "out"), **options}
    with pytest.raises(kind) as raised:
        turbo2ds.download(**arguments)
    error = raised.value
    assert word in error.message
    assert error.hint
    assert str(error) == f"{error.message}\nhint: {error.hint}"
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.message, copy.hint) == (kind, error.message, error.hint)


def test_another_runs_folder_is_a_config_mismatch(small_list, tmp_path):
    output = str(tmp_path / "out")
    turbo2ds.download(small_list, output_folder=output, image_size=32)
    with pytest.raises(turbo2ds.ConfigMismatchError, match="image_size"):
        turbo2ds.download(small_list, output_folder=output, image_size=64)


def test_images_may_be_decoded_in_processes_apart(small_list, tmp_path):
    report = turbo2ds.download(
        small_list, output_folder=str(tmp_path / "out"), image_size=32, decode_isolation="process"
    )
    assert report.successes == 11


def script():
    return sysconfig.get_path("scripts") + "/turbo2ds"


def commands():
    """The console script, where the package is installed, and the module."""
    module = [sys.executable, "-m", "turbo2ds"]
    try:
        subprocess.run([script(), "--version"], check=True, capture_output=True)
    except OSError:
        return [module]
    return [module, [script()]]


@pytest.mark.parametrize("command", commands(), ids=lambda command: command[-1].rsplit("/")[-1])
def test_the_console_script_is_the_program(small_list, tmp_path, command):
    def run(*arguments):
        return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=120)

    output = str(tmp_path / "out")
    done = run(small_list, "--output_folder", output, "--image_size=32")
    assert done.returncode == 0, done.stderr
    assert "total   - success: 0.917" in done.stdout
    refused = run(small_list, "--output_folder", output, "--image_size", "none")
    assert (refused.returncode, "hint:" in refused.stderr) == (2, True)
    mismatch = run(small_list, "--output_folder", output, "--image_size", "33")
    assert (mismatch.returncode, "config mismatch" in mismatch.stderr) == (1, True)
    (tmp_path / "out" / "00000.parquet").unlink()
    assert run("verify", output).returncode == 3
    assert run("--version").stdout.startswith("turbo2ds " + turbo2ds.__version__)
