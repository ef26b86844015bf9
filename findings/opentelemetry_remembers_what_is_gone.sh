#!/usr/bin/env bash
# An observable gauge of OpenTelemetry that reports the present top ten goes blind after 2,000 different names.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check opentelemetry-sdk==1.45.2
"$folder/bin/python" - <<'END'
import sys
from importlib.metadata import version

from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

reader = InMemoryMetricReader()
meter = MeterProvider(metric_readers=[reader]).get_meter("machine")
hour = 0


def busiest(_):
    """The ten busiest jobs of this hour, with their load: never more than ten at a time."""
    for rank in range(1, 11):
        yield Observation(100 - rank, {"job": f"job {10 * hour + rank}"})


meter.create_observable_gauge("load", [busiest])
print(f"opentelemetry-sdk {version('opentelemetry-sdk')}: an observable gauge with ten jobs an hour, each hour others")
shown = {}
for hour in range(300):
    [metric] = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    shown[hour] = [(dict(point.attributes), point.value) for point in metric.data.data_points]
for hour in (0, 199, 200, 299):
    print(f"hour {hour:3}: {len(shown[hour]):2} series, the first {shown[hour][0]}")
print("""
The limit of 2,000 attribute sets counts all that were ever reported, not those of this collection, and what is over it is
one series whose value is that of whoever came last. A top ten whose names change must not go through the SDK: put it on
the same page with prometheus_client, say, or raise the limit and pay memory for every name that ever was.""")
same = all(len(shown[hour]) == 10 for hour in range(200))
same &= all(shown[hour] == [({"otel.metric.overflow": True}, 90)] for hour in range(200, 300))
sys.exit(0 if same else "THE BEHAVIOR HAS CHANGED")
END
