"""Owns how each recursive resolver from Debian is run: its configuration, its processes, what they use.

Each is told of the lab's root servers by a hints file, keeps its cache in memory (Knot Resolver: in
a file), checks no signatures, for the lab has none, and sends whole names to every server, which
costs it the fewest queries. Never asks one anything and never judges what it answers.
"""

import contextlib
import shutil
import socket
import struct
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

# Where Debian puts daemons is not on every user's path.
SBIN = "/usr/sbin:/usr/local/sbin:/sbin"
START_S = 20


@dataclass
class Daemon:
    """A resolver as a user would start it."""

    name: str
    package: str
    program: str
    version_flag: str
    configure: object
    command: object
    processes: int = 1
    options: dict = field(default_factory=dict)

    def path(self):
        return shutil.which(self.program) or shutil.which(self.program, path=SBIN)

    def version(self):
        done = subprocess.run([self.path(), self.version_flag], capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).splitlines()[0].strip()


def bind_config(folder, port):
    return f"""
options {{
    directory "{folder}"; pid-file none; session-keyfile none;
    listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
    recursion yes; allow-query {{ any; }}; dnssec-validation no; qname-minimization off;
    recursive-clients 10000; resolver-query-timeout 30000; max-clients-per-query 10000; max-cache-size 2000m;
}};
controls {{ }};
logging {{ category default {{ null; }}; }};
zone "." {{ type hint; file "{folder}/hints"; }};
"""


def unbound_config(folder, port):
    return f"""
server:
    interface: 127.0.0.1
    port: {port}
    directory: "{folder}"
    root-hints: "{folder}/hints"
    username: ""
    chroot: ""
    pidfile: ""
    use-syslog: no
    num-threads: 1
    do-ip6: no
    do-not-query-localhost: no
    module-config: "iterator"
    qname-minimisation: no
    outgoing-range: 4096
    num-queries-per-thread: 2048
    outgoing-num-tcp: 200
    discard-timeout: 0
    wait-limit: 0
    so-rcvbuf: 4m
    msg-cache-size: 256m
    rrset-cache-size: 512m
remote-control:
    control-enable: no
"""


def knot_config(folder, port):
    # The file of hints is read by the module; the cache is shared by the processes of one folder.
    return f"""
net.listen('127.0.0.1', {port}, {{ kind = 'dns' }})
net.ipv6 = false
net.bufsize(1232)
option('ALLOW_LOCAL', true)
option('NO_MINIMIZE', true)
trust_anchors.remove('.')
modules = {{ 'hints > iterate' }}
hints.root_file('{folder}/hints')
cache.open(1000 * MB, 'lmdb://{folder}/cache')
"""


def known():
    """Every daemon of the comparison, whether it is installed or not."""
    knot = {"package": "knot-resolver", "program": "kresd", "version_flag": "-V", "configure": knot_config}
    knot["command"] = lambda path, config, folder: [path, "-n", "-q", "-c", config, folder]
    return [
        Daemon(
            "bind9", "bind9", "named", "-V", bind_config, lambda path, config, folder: [path, "-4", "-f", "-c", config]
        ),
        Daemon(
            "unbound", "unbound", "unbound", "-V", unbound_config, lambda path, config, folder: [path, "-d", "-c", config]
        ),
        Daemon("knot x1", **knot),
        Daemon("knot x4", processes=4, **knot),
    ]


class Running:
    """The processes of one daemon."""

    def __init__(self, pids, port):
        self.pids = pids
        self.port = port

    def cpu_s(self):
        """User and system seconds of all threads so far, by the scheduler's clock."""
        ran = 0
        for pid in self.pids:
            for task in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    ran += int((task / "schedstat").read_text(encoding="ascii").split()[0])
        return ran / 1e9

    def peak_mb(self):
        return sum(status_kb(pid, "VmHWM") for pid in self.pids) / 1024


def status_kb(pid, field_name):
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(field_name + ":"):
            return int(line.split()[1])
    return 0


@contextlib.contextmanager
def running(daemon, roots, folder, port):
    """A daemon with an empty cache that answers, while the context lasts."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "cache").mkdir(parents=True)
    hints = "".join(f". 86400 IN NS {n}.root.\n{n}.root. 86400 IN A {addr}\n" for n, addr in enumerate(roots))
    (folder / "hints").write_text(hints, encoding="ascii")
    config = folder / "config"
    config.write_text(daemon.configure(folder, port), encoding="ascii")
    command = [str(word) for word in daemon.command(daemon.path(), config, folder)]
    with open(folder / "log", "wb") as log:
        processes = [
            subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=folder)
            for _ in range(daemon.processes)
        ]
    try:
        wait_for_answer(daemon, processes, port, folder / "log")
        yield Running([process.pid for process in processes], port)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for_answer(daemon, processes, port, log):
    """Asks again until the daemon answers at all."""
    query = struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 0) + b"\x05start\x07invalid\0" + struct.pack(">HH", 1, 1)
    end = time.monotonic() + START_S
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.connect(("127.0.0.1", port))
        asker.settimeout(0.2)
        while time.monotonic() < end and all(process.poll() is None for process in processes):
            with contextlib.suppress(OSError):
                asker.send(query)
                if asker.recv(4096):
                    # Others of the same port may be slower to come.
                    time.sleep(0.5)
                    return
            time.sleep(0.05)
    said = log.read_text(errors="replace")[-2000:]
    raise SystemExit(f"{daemon.name} does not answer:\n{said}")
