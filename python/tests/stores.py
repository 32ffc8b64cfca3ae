"""A server of S3 for the tests, if `make stores` has installed one."""

import contextlib
import os
import pathlib
import socket
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT_S = 90
BUCKET = "data"

#: In no message, log or saved object.
SECRET = "s3cret/of+the=tests"


def program():
    return pathlib.Path(os.environ.get("MOTO_SERVER", ROOT / ".venv-stores" / "bin" / "moto_server"))


class S3:
    """A bucket that is reached by storage options alone."""

    def __init__(self, port):
        self.endpoint = f"http://127.0.0.1:{port}"
        self.options = {
            "key": "turbo",
            "secret": SECRET,
            "client_kwargs": {"endpoint_url": self.endpoint, "region_name": "eu-west-1"},
            "token": None,
        }

    def url(self, name):
        return f"s3://{BUCKET}/{name}"

    def put(self, name, content):
        # A form would be read as one.
        kind = {"Content-Type": "application/octet-stream"}
        request = urllib.request.Request(f"{self.endpoint}/{BUCKET}/{name}", content, kind, method="PUT")
        direct().open(request, timeout=LIMIT_S).close()


def direct():
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


@contextlib.contextmanager
def s3_server(folder):
    """Starts the server; ends it with the context."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    line = [str(program()), "-H", "127.0.0.1", "-p", str(port)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with open(folder / "moto.log", "wb") as log:
        server = subprocess.Popen(line, stdout=log, stderr=log, env=environment)
    try:
        store = S3(port)
        end = time.monotonic() + LIMIT_S
        while True:
            try:
                store.put("", b"")
                break
            except OSError:
                assert server.poll() is None and time.monotonic() < end, (folder / "moto.log").read_text()
                time.sleep(0.1)
        yield store
    finally:
        server.kill()
        server.wait()
