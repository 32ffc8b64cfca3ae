"""A Metaflow flow that makes one dataset by several tasks, each with a share of the plan's shards.

    python dataset_flow.py run --url_list list.txt --output_folder out --workers 8

A task that dies is tried again and finds its finished shards done. Under ``--with kubernetes`` or ``--with
batch`` the list and the folder must be under the same paths for all tasks, or URLs of stores. Metaflow keeps
``options``: the secrets of a store belong into the tasks' environment.
"""

from metaflow import FlowSpec, JSONType, Parameter, retry, step


class DatasetFlow(FlowSpec):
    """List in, shards out, counts as artifacts."""

    url_list = Parameter("url_list", help="the URL list", required=True)
    output_folder = Parameter("output_folder", help="where the dataset goes", required=True)
    workers = Parameter("workers", help="tasks that share the shards", default=4)
    options = Parameter("options", help="further options of turbo2ds.download", type=JSONType, default="{}")

    @step
    def start(self):
        """One task for each share."""
        self.shares = list(range(self.workers))
        self.next(self.download, foreach="shares")

    @retry(times=3, minutes_between_retries=0)
    @step
    def download(self):
        """The shards of one share."""
        import turbo2ds

        report = turbo2ds.download(
            self.url_list,
            output_folder=self.output_folder,
            shard_index=self.input,
            shard_count=self.workers,
            **self.options,
        )
        self.shards = report.shards + report.shards_before
        self.next(self.join)

    @step
    def join(self, inputs):
        """The whole dataset, as it lies in the folder."""
        import turbo2ds

        run = turbo2ds.open_run(self.output_folder, self.options.get("storage_options"))
        self.shards = sum(task.shards for task in inputs)
        self.count = sum(shard.stats["count"] for shard in run.shards)
        self.next(self.end)

    @step
    def end(self):
        """Says what there is."""
        print(f"{self.count} rows in {self.shards} shards")


if __name__ == "__main__":
    DatasetFlow()
