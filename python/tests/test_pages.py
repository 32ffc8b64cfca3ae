"""The Python examples of the documentation, page by page, over small lists of the names in them."""

import pathlib
import re

import pyarrow
import pyarrow.parquet
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROWS = 6


def examples(page):
    """Blocks of Python in a page, each with the line that it begins at."""
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield text.count("\n", 0, found.start(1)) + 1, found[1]


def pages():
    """The pages that have an example."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in found if any(examples(page))]


def write_lists(folder, web):
    urls = [f"{web}/img/{seed}.jpg?w=80&h=60" for seed in range(ROWS)]
    (folder / "list.txt").write_text("".join(f"{url}\n" for url in urls), encoding="utf-8")
    captions = [f"picture {seed}" for seed in range(ROWS)]
    pyarrow.parquet.write_table(pyarrow.table({"URL": urls, "TEXT": captions}), folder / "laion.parquet")


def run(page):
    """What the page's examples leave, one after the other as a reader would type them."""
    names = {}
    for line, example in examples(page):
        # This process' memory stands for a store.
        example = example.replace("s3://", "memory://pages/")
        # Empty lines in front put the page's own line into a traceback.
        exec(compile("\n" * (line - 1) + example, page, "exec"), names)
    return names


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_the_examples_of_a_page_run(tmp_path, monkeypatch, web, page):
    write_lists(tmp_path, web)
    monkeypatch.chdir(tmp_path)
    run(page)


def test_the_examples_of_the_python_page_say_what_the_page_says(tmp_path, monkeypatch, web, capsys):
    write_lists(tmp_path, web)
    monkeypatch.chdir(tmp_path)
    left = run(ROOT / "docs" / "python.md")
    assert (left["report"].successes, left["report"].failures) == (ROWS, {})
    assert left["run"].stats["successes"] == ROWS
    assert left["stored"].stats["successes"] == ROWS
    said = capsys.readouterr().out
    assert f"{ROWS} {ROWS} {{" in said, "the last call of `show`"
    assert "from 1 to 65500" in said, "the hint of a refused size"
