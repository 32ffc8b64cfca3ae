"""The job of a comparison as Daft does it: daft_job.py LIST SIZE FOLDER.

Downloads, decodes, resizes, encodes as JPEG and writes parquet; a URL that fails is a null. Daft has
no padding resize, so its images are squeezed, which costs it no more. Writes a `_stats.json` beside
the files, as the others do, for counting.
"""

import json
import pathlib
import sys

import daft


def main():
    url_list, folder, size = sys.argv[1], pathlib.Path(sys.argv[3]), int(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    rows = daft.read_parquet(f"{url_list}/*.parquet").select("URL", "TEXT")
    body = daft.col("URL").download(on_error="null")
    image = body.decode_image(on_error="null", mode="RGB").resize(size, size).encode_image("JPEG")
    rows.with_column("jpg", image).write_parquet(str(folder))
    written = daft.read_parquet(f"{folder}/*.parquet")
    total = written.count_rows()
    images = written.where(daft.col("jpg").not_null()).count_rows()
    (folder / "00000_stats.json").write_text(json.dumps({"count": total, "successes": images}))


if __name__ == "__main__":
    main()
