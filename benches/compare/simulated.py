"""Owns the simulated web of a comparison: a network and mount namespace of its own, and simweb in it.

The namespace needs no root where the machine lets users make their own; nothing leaves it, and no
name of a list is asked for outside. Never measures what it serves.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

# What every host's name ends in, as in benches/src/web/world.rs.
ZONE = "web.test"
INSIDE = "TURBO2DS_COMPARE_INSIDE"
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
CLOCK_TICK = os.sysconf("SC_CLK_TCK")


def enter_namespace():
    """Goes on in a namespace whose only interface is loopback and whose resolver is simweb."""
    if os.environ.get(INSIDE) != "1":
        command = ["unshare", "--user", "--map-root-user", "--net", "--mount", sys.executable, *sys.argv]
        os.execvpe(command[0], command, os.environ | {INSIDE: "1"})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        name = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(control, SIOCGIFFLAGS, name))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", flags | IFF_UP, b""))
    with tempfile.NamedTemporaryFile("w", delete=False) as resolv:
        resolv.write("nameserver 127.0.0.1\noptions timeout:5 attempts:2\n")
    subprocess.run(["mount", "--bind", resolv.name, os.path.realpath("/etc/resolv.conf")], check=True)
    os.unlink(resolv.name)


def simweb(program, *arguments):
    """Runs a subcommand of simweb to its end and gives the JSON it prints."""
    done = subprocess.run([program, *map(str, arguments)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def drawn(program, folder):
    """A folder of drawn images, made where it is missing."""
    if not folder.is_dir():
        half = folder.with_suffix(".part")
        print(f"drawing images into {folder}", file=sys.stderr)
        simweb(program, "draw", "--out", half)
        half.rename(folder)
    return folder


def trusted_bundle(ca, path):
    """The machine's certificates and simweb's behind them, as a user's bundle would hold them."""
    system = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    certificates = Path(system).read_text(encoding="ascii") if Path(system).exists() else ""
    path.write_text(certificates + Path(ca).read_text(encoding="ascii"), encoding="ascii")
    return path


class Server:
    """A running simweb."""

    def __init__(self, process):
        self.process = process

    def cpu_s(self):
        """User and system seconds so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICK


@contextlib.contextmanager
def serving(program, images, ca, *arguments):
    """Serves a folder of images while the context lasts."""
    command = [program, "serve", "--images", images, "--ca", ca, *arguments]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as process:
        try:
            if not process.stdout.readline():
                raise SystemExit("simweb does not serve; see above")
            yield Server(process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
