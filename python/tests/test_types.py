"""What checkers see without running: the stub is the table's, the package keeps to its own types and to
what its oldest Python has."""

import importlib.util
import inspect
import pathlib
import re
import subprocess
import sys
import sysconfig

import turbo2ds

FOLDER = pathlib.Path(__file__).resolve().parents[1]


def test_the_stub_is_what_the_table_of_options_says():
    # From the sources: it is no part of the package.
    spec = importlib.util.spec_from_file_location("stubs", FOLDER / "stubs.py")
    stubs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stubs)
    written = (FOLDER / "turbo2ds" / "_download.pyi").read_text(encoding="utf-8")
    assert stubs.stub() == written, "write it anew: python stubs.py"


def test_the_stub_names_what_python_shows():
    text = (FOLDER / "turbo2ds" / "_download.pyi").read_text(encoding="utf-8")
    for name in inspect.signature(turbo2ds.download).parameters:
        assert f"\n    {name}: " in text


def check(folder, *arguments):
    """mypy over the installed package, from a folder where there is no other of its name."""
    options = ["--no-incremental", "--cache-dir", "/dev/null", "--ignore-missing-imports"]
    command = [sys.executable, "-m", "mypy", *options, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_package_keeps_to_its_types(tmp_path):
    checked = check(tmp_path, "--strict", "-p", "turbo2ds")
    assert checked.returncode == 0, checked.stdout


def test_a_callers_slip_is_seen_without_running(tmp_path):
    caller = tmp_path / "caller.py"
    caller.write_text(
        "from turbo2ds import Progress, download, open_run\n"
        "def on_progress(progress: Progress) -> None: print(progress.count)\n"
        "report = download('list.txt', 256, image_size_typo=1)\n"
        "report = download('list.txt', '256')\n"
        "report = download('list.txt', 256, caption_col=None, timeout=10, on_progress=on_progress)\n"
        "shards: int = report.shards\n"
        "shards = open_run('out')\n",
        encoding="utf-8",
    )
    said = check(tmp_path, str(caller)).stdout
    for line in (3, 4, 7):
        assert f"caller.py:{line}: error" in said, said
    assert "Found 3 errors" in said, said


def beyond_the_oldest_python(folder):
    """What the files of a folder use that the oldest Python of the wheel has not, as vermin says it."""
    project = (FOLDER / "pyproject.toml").read_text(encoding="utf-8")
    oldest = re.search(r'requires-python = ">=([0-9.]+)"', project)[1]
    options = [f"-t={oldest}-", "--no-tips", "--violations", "--eval-annotations"]
    command = [sysconfig.get_path("scripts") + "/vermin", *options, str(folder)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Minimum required versions" in checked.stdout, checked.stderr
    return checked.stdout if checked.returncode else ""


def test_the_package_keeps_to_what_the_oldest_python_has():
    assert not beyond_the_oldest_python(pathlib.Path(turbo2ds.__file__).parent)


def test_what_the_oldest_python_lacks_is_seen(tmp_path):
    (tmp_path / "newer.py").write_text("import tomllib\nmatch 1:\n    case _: pass\n", encoding="utf-8")
    said = beyond_the_oldest_python(tmp_path)
    assert "tomllib" in said and "pattern matching" in said
