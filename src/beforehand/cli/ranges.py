"""`beforehand ranges ...`."""

import typer

from beforehand.cli import range_index, range_plans

app = typer.Typer(
    help="Does anything lie between two bounds? Skip the files that hold nothing, without reading them.",
    invoke_without_command=True,
)


@app.callback()
def _ranges(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


app.command(epilog="Example: beforehand ranges plan queries.csv --keys ids.npy --read-cost 30ms -o plan.json")(
    range_plans.plan
)
app.command(epilog="Example: beforehand ranges index orders.parquet --column id")(range_index.index)
app.command(epilog="Example: beforehand ranges query orders.parquet --column id --between 1000 2000")(range_index.query)
