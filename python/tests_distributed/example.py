"""The list and the options of every test here: so many rows, of which some fail, in so many shards."""

ROWS, FAILED, PER_SHARD = 80, 4, 5
SHARDS = ROWS // PER_SHARD


def options(output):
    return {
        "output_folder": str(output),
        "output_format": "webdataset",
        "image_size": 32,
        "number_sample_per_shard": PER_SHARD,
        "thread_count": 2,
    }
