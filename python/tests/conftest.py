"""A web for the tests: the fake web as an HTTP proxy, so that URLs are of a public address and neither the
address filter nor name resolution has to be told anything."""

import json
import os
import pathlib
import subprocess

import pytest
import stores

ROOT = pathlib.Path(__file__).resolve().parents[2]


def binary(variable, name):
    """The binary named by a variable of the environment, or the one of the debug build."""
    path = pathlib.Path(os.environ.get(variable, ROOT / "target" / "debug" / name))
    assert path.is_file(), f"no binary at {path}: run `cargo build --workspace --bins`"
    return str(path)


@pytest.fixture(scope="session")
def web(tmp_path_factory):
    """The origin of a web that is there for all tests, of img2dataset's processes too."""
    del tmp_path_factory
    fakeweb = subprocess.Popen([binary("FAKEWEB_BIN", "fakeweb")], stdout=subprocess.PIPE, text=True)
    ports = json.loads(fakeweb.stdout.readline())
    os.environ["http_proxy"] = f"http://127.0.0.1:{ports['http']}"
    # From the first test on: Spark's workers have the environment that its first session found.
    os.environ["no_proxy"] = "127.0.0.1"
    yield "http://93.184.215.14"
    del os.environ["http_proxy"], os.environ["no_proxy"]
    fakeweb.kill()
    fakeweb.wait()


@pytest.fixture
def small_list(web, tmp_path):
    """Twelve URLs, one a line; the last gives nothing."""
    urls = [f"{web}/img/{seed}.jpg?w=80&h=60" for seed in range(11)] + [f"{web}/missing/11.jpg"]
    path = tmp_path / "list.txt"
    path.write_text("".join(f"{url}\n" for url in urls), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="session")
def s3(web, tmp_path_factory):
    """A bucket of a server of S3 on this machine."""
    if not stores.program().is_file():
        pytest.skip(f"no server of S3 at {stores.program()}: `make stores` installs it, or MOTO_SERVER names one")
    with stores.s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server
