"""The busiest label sets of a metric, for Prometheus."""

from beforehand.core.errors import MissingDependency

try:
    import prometheus_client  # noqa: F401
except ImportError as error:
    raise MissingDependency("TopLabelSets needs prometheus_client; pip install 'beforehand[prometheus]'") from error

from beforehand.integrations.prometheus.top_label_sets import LabelSet, TopLabelSets

__all__ = ["LabelSet", "TopLabelSets"]
