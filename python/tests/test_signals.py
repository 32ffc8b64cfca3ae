"""Ctrl-C and SIGTERM, in processes of their own."""

import signal
import subprocess
import sys
import textwrap
import time

import pytest
import turbo2ds

# Two at a time, of 150 ms each: far from done when the first shard is, on any machine.
ROWS = 300
PER_SHARD = 5


@pytest.fixture
def slow_list(web, tmp_path):
    path = tmp_path / "slow.txt"
    path.write_text("".join(f"{web}/slow/150/{seed}.jpg\n" for seed in range(ROWS)), encoding="utf-8")
    return path


def start(slow_list, body, timeout=10):
    """A process that downloads slowly; `body` may use `run`."""
    program = f"""
        import os, signal, sys, time
        import turbo2ds

        def run():
            return turbo2ds.download(
                {str(slow_list)!r},
                output_folder={str(slow_list.parent / "out")!r},
                output_format="webdataset",
                image_size=32,
                number_sample_per_shard={PER_SHARD},
                processes_count=1,
                thread_count=2,
                timeout={timeout},
            )
    """
    text = textwrap.dedent(program) + textwrap.dedent(body)
    return subprocess.Popen(
        [sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def wait_for_a_shard(slow_list):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if list((slow_list.parent / "out").glob("*_stats.json")):
            return
        time.sleep(0.02)
    raise AssertionError("no shard is finished")


def finish(process):
    said, _ = process.communicate(timeout=60)
    return process.returncode, said


def test_the_first_ctrl_c_drains_and_raises_keyboard_interrupt(slow_list):
    process = start(
        slow_list,
        """
        try:
            run()
        except KeyboardInterrupt:
            print("interrupted", signal.getsignal(signal.SIGINT) is signal.default_int_handler)
            os.kill(os.getpid(), signal.SIGTERM)  # as deadly as before the run
            time.sleep(10)
        """,
    )
    wait_for_a_shard(slow_list)
    process.send_signal(signal.SIGINT)
    code, said = finish(process)
    assert "interrupted True" in said
    assert code == -signal.SIGTERM, said
    run = turbo2ds.open_run(slow_list.parent / "out")
    assert 0 < len(run.shards) < ROWS // PER_SHARD
    assert all(shard.stats["count"] == PER_SHARD for shard in run.shards)
    report = turbo2ds.download(
        str(slow_list),
        output_folder=str(run.folder),
        output_format="webdataset",
        image_size=32,
        number_sample_per_shard=PER_SHARD,
    )
    assert report.shards + report.shards_before == ROWS // PER_SHARD


def test_a_ctrl_c_that_comes_too_late_is_still_one(slow_list):
    process = start(
        slow_list,
        """
        def last_moment(progress):
            if progress.count == ROWS:
                os.kill(os.getpid(), signal.SIGINT)

        report = None
        try:
            report = turbo2ds.download(
                LIST, output_folder=OUTPUT, thread_count=60, image_size=32, on_progress=last_moment
            )
            time.sleep(10)
        except KeyboardInterrupt:
            print("interrupted", report is None or report.count)
        """.replace("LIST", repr(str(slow_list)))
        .replace("OUTPUT", repr(str(slow_list.parent / "out")))
        .replace("ROWS", str(ROWS)),
    )
    code, said = finish(process)
    assert code == 0, said
    assert "interrupted" in said
    assert turbo2ds.open_run(slow_list.parent / "out").stats["count"] == ROWS


def test_the_second_ctrl_c_stops_at_once_and_leaves_no_thread(web, slow_list):
    # These take nine seconds each: a drain would not end in the test's time.
    slow_list.write_text("".join(f"{web}/slow/9000/{seed}.jpg\n" for seed in range(ROWS)), encoding="utf-8")
    process = start(
        slow_list,
        """
        def threads():
            return [open(f"/proc/self/task/{task}/comm").read().strip() for task in os.listdir("/proc/self/task")]

        begun = time.monotonic()
        try:
            run()
        except KeyboardInterrupt:
            print("stopped", flush=True)
        while any(name.startswith(("core-", "compute-", "commit")) for name in threads()):
            assert time.monotonic() - begun < 8, threads()
            time.sleep(0.1)
        print("no thread left")
        """,
        timeout=3,
    )
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    # What else is said is of the machine's name servers.
    said = list(iter(process.stdout.readline, "stopped\n"))
    assert any("stopping" in line for line in said), said
    assert time.monotonic() - sent < 2
    code, said = finish(process)
    assert (code, said) == (0, "no thread left\n")
    assert not list((slow_list.parent / "out").glob(".*.part"))


def test_a_sigterm_drains_and_then_has_its_own_effect(slow_list):
    process = start(slow_list, "run()\nprint('went on')")
    wait_for_a_shard(slow_list)
    process.send_signal(signal.SIGTERM)
    code, said = finish(process)
    assert code == -signal.SIGTERM, said
    assert "went on" not in said
    assert not list((slow_list.parent / "out").glob(".*.part"))


def test_a_hosts_own_sigterm_handler_is_called_after_the_drain(slow_list):
    process = start(
        slow_list,
        """
        signal.signal(signal.SIGTERM, lambda number, frame: print("handled", number, flush=True))
        try:
            run()
        except KeyboardInterrupt:
            print("drained")
        """,
    )
    wait_for_a_shard(slow_list)
    process.send_signal(signal.SIGTERM)
    code, said = finish(process)
    assert code == 0, said
    assert f"handled {int(signal.SIGTERM)}" in said
    assert "drained" in said
