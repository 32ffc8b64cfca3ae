"""Clusters of several processes on this machine's loopback, and the end of parts of them by SIGKILL."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

LIMIT = 90


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, holds):
    """Waits for something that other processes bring about."""
    end = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < end, f"no {what} within {LIMIT} s"
        time.sleep(0.1)


@contextlib.contextmanager
def daemons(folder):
    """Starts programs, and kills what is left of them and their children at the end."""
    started = []

    def start(*line, **variables):
        log = open(folder / f"daemon-{len(started)}.log", "wb")
        environment = {**os.environ, **variables}
        process = subprocess.Popen(
            [str(part) for part in line],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        log.close()
        started.append(process)
        return process

    try:
        yield start
    finally:
        for process in started:
            kill_session(process)
            process.wait()


def kill_session(process):
    """SIGKILL to a daemon and to all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def spark_standalone(folder):
    """A master and two workers of one core each; gives its URL and the workers' processes."""
    import pyspark

    program = pathlib.Path(pyspark.__file__).parent / "bin" / "spark-class"
    url = f"spark://127.0.0.1:{(port := free_port())}"
    with daemons(folder) as start:
        host = ("--host", "127.0.0.1", "--webui-port", "0")
        start(program, "org.apache.spark.deploy.master.Master", *host, "--port", port)
        limits = ("--cores", "1", "--memory", "1g", "--work-dir", folder / "spark")
        worker = (program, "org.apache.spark.deploy.worker.Worker", *host, *limits, url)
        workers = [start(*worker) for _ in range(2)]
        logs = [folder / f"daemon-{number}.log" for number in (1, 2)]
        registered = b"Successfully registered with master"
        until("Spark worker", lambda: all(registered in log.read_bytes() for log in logs))
        yield url, workers


@contextlib.contextmanager
def ray_nodes(folder):
    """A head and two nodes of one core each on loopback addresses of their own; gives its address and the
    nodes' processes."""
    import ray

    program = pathlib.Path(sys.executable).parent / "ray"
    # Not 127.0.0.1, which Ray takes for any of this machine's addresses.
    own_ip = "127.0.0.9"
    address = f"{own_ip}:{(port := free_port())}"
    # Ray has sockets in it, whose paths must be short.
    with daemons(folder) as start, tempfile.TemporaryDirectory() as short:
        common = ("--num-cpus", "1", "--object-store-memory", str(80 << 20), "--block", "--disable-usage-stats")
        own = ("--temp-dir", short)
        head = ("--head", "--node-ip-address", own_ip, "--port", port, "--include-dashboard", "false")
        start(program, "start", *head, *own, *common)
        # Its port answers before it does.
        log = folder / "daemon-0.log"
        until("head of Ray", lambda: b"Ray runtime started" in log.read_bytes())
        ray.init(address=address, _node_ip_address=own_ip, log_to_driver=False)
        try:
            nodes = []
            # One after the other: two that start together may choose the same ports.
            for ip in ("127.0.0.2", "127.0.0.3"):
                nodes.append(start(program, "start", "--address", address, "--node-ip-address", ip, *common))
                cores = len(nodes) + 1
                until("node of Ray", lambda: ray.cluster_resources().get("CPU", 0) >= cores)
            yield address, nodes
        finally:
            ray.shutdown()


@contextlib.contextmanager
def meanwhile(output, act):
    """Calls `act` as soon as some shards are there; gives a list that is not empty once it has."""
    done = []

    def wait_and_act():
        until("shards", lambda: len(list(output.glob("*_stats.json"))) >= 3)
        act()
        done.append(True)

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    try:
        yield done
    finally:
        thread.join()
