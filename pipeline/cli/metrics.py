"""`newswire metrics`: Prometheus reads them here.

Tested by tests/reporting/test_metrics.py.
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from pipeline.cli.console import console, open_newswire

EXAMPLES = "Examples: `newswire metrics`, `newswire metrics --port 9464 --host 0.0.0.0`, `newswire metrics --list`"


def metrics(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to serve on.")] = 9464,
    host: Annotated[str, typer.Option(help="Address to serve on; 0.0.0.0 for every interface.")] = "127.0.0.1",
    names: Annotated[bool, typer.Option("--list", help="Print every metric with labels and meaning.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Print the metrics as they are now, and end.")] = False,
) -> None:
    """Serve metrics for Prometheus (text format and OpenMetrics) until Ctrl-C. One process for a deployment.

    Counters begin at 0 with this process. A Grafana dashboard and alert rules lie beside the exporter, in
    connectors/metrics/ (dashboard.json, alerts.yml).
    """
    from pipeline.app.metrics import Metrics
    from pipeline.reporting.metrics import METRICS

    if names:
        table = Table("metric", "kind", "labels", "meaning", header_style="bold")
        for metric in METRICS:
            table.add_row(metric.name, metric.kind, ", ".join(metric.labels), metric.sentence)
        console.print(table)
        return
    with open_newswire() as newswire:
        serving = Metrics(newswire)
        if once:
            console.print(serving.expose("").body.decode(), end="", markup=False, soft_wrap=True)
            return
        serving.read()  # counts from now on, and fails here and now when the store is away
        try:
            serving.serve(host=host, port=port, tell=console.print)
        except KeyboardInterrupt:
            console.print("stopped")
