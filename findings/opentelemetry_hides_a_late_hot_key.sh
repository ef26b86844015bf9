#!/usr/bin/env bash
# OpenTelemetry's SDK names the first 2,000 attribute sets for ever: what gets hot later never shows.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check opentelemetry-sdk==1.45.2
"$folder/bin/python" - <<'END'
import sys
from importlib.metadata import version

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

reader = InMemoryMetricReader()
meter = MeterProvider(metric_readers=[reader]).get_meter("shop")


def points(counter):
    """What an export of a counter has: its attribute sets and their values."""
    [metric] = [m for m in reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics if m.name == counter]
    return [(dict(point.attributes), point.value) for point in metric.data.data_points]


requests = meter.create_counter("requests")
for page in range(2_000):
    requests.add(1, {"path": f"/old/{page}"})  # a crawler, on the first morning
for _ in range(50):
    reader.get_metrics_data()  # scrapes in which nobody asks for these pages again
for _ in range(98_000):
    requests.add(1, {"path": "/checkout"})
shown = points("requests")
named = [value for attributes, value in shown if "path" in attributes]
rest = [(attributes, value) for attributes, value in shown if "path" not in attributes]
print(f"opentelemetry-sdk {version('opentelemetry-sdk')}: 2,000 pages asked for once each, then /checkout 98,000 times")
print(f"named: {len(named):,} pages, {sum(named):,} requests in all, /checkout among them: {any(v == 98_000 for v in named)}")
print(f"the rest: {rest}")

ids = meter.create_counter("ids")
for value in (1, 1.0, True):
    ids.add(1, {"id": value})
print(f"and the attribute values 1, 1.0 and True, equal in Python, are {len(points('ids'))} series")
print("""
The limit is reached by whatever comes first, and a set that has a place keeps it. Count before the SDK, in a structure
that keeps the heavy keys whenever they come, and export its top beside the SDK: observable instruments do not forget
either, see opentelemetry_remembers_what_is_gone.sh.""")
same = len(named) == 2_000 and sum(named) == 2_000 and rest == [({"otel.metric.overflow": True}, 98_000)]
sys.exit(0 if same and len(points("ids")) == 3 else "THE BEHAVIOR HAS CHANGED")
END
