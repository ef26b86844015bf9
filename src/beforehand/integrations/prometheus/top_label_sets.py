"""A metric with too many label sets for a series each: the busiest ones, counted within bounds, and the rest as one."""

from collections.abc import Iterable, Sequence
from threading import Lock
from typing import final

from prometheus_client import REGISTRY, CollectorRegistry, Counter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from beforehand.core.errors import InvalidInput
from beforehand.streams import SpaceSaving

SEPARATOR, STAND_IN = "\0", "\N{REPLACEMENT CHARACTER}"  # between label values, and for one inside a value
REST = "other"  # the label of all that is not shown, which has no other labels


@final
class TopLabelSets(Collector):
    """Count label sets in fixed memory, and show the busiest at each scrape with what is certain about each.

    In place of a `Counter` whose labels have too many values: paths, customers, addresses.

    Args:
        name: What the names of the metrics begin with, such as "http_requests".
        documentation: What is counted, in a sentence.
        labelnames: Names of the labels, at least one; "other" is taken.
        k: How many label sets a scrape shows.
        memory: Of all counters, in bytes or as in "256KiB"; the values of the tracked labels come on top.
        registry: Where to register; None: nowhere.

    Guarantee:
        Each scrape shows, for the k label sets with the largest estimates:

        * `<name>_estimate`, a gauge: the likely number; and for all others together, labeled `other="true"`, what is
          left of the total;
        * `<name>_lower_total`, a counter: so many at least. When a label set falls out of the counters and comes back,
          this begins anew, from what came since, so that its increases never exceed the truth;
        * `<name>_upper`, a gauge: so many at most.

        And for all together `<name>_total`, a counter, which is exact, and `<name>_error_bound`, a gauge: no label
        set, shown or not, has bounds further apart.

        A set that is busy enough is shown whenever it gets busy: unlike a limit on the number of series, this keeps no
        place for whoever came first. A process that runs several workers has a collector in each.

    Cost:
        `labels(...).inc()` takes about as long as on a `Counter`. A scrape looks through all counters, and holds up
        increments meanwhile: for "256KiB", some 10,000 counters, a millisecond.

    Raises:
        InvalidInput: An option breaks its rule; a metric of one of these names is registered already.

    Example:
        >>> from prometheus_client import CollectorRegistry
        >>> registry = CollectorRegistry()
        >>> requests = TopLabelSets("requests", "Requests.", ["path"], k=1, registry=registry)
        >>> requests.labels("/").inc(3)
        >>> requests.labels("/login").inc()
        >>> registry.get_sample_value("requests_lower_total", {"path": "/"})
        3.0
        >>> registry.get_sample_value("requests_estimate", {"other": "true"})
        1.0
    """

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Sequence[str],
        *,
        k: int = 100,
        memory: int | str = "256KiB",
        registry: CollectorRegistry | None = REGISTRY,
    ) -> None:
        if isinstance(labelnames, str) or not labelnames or REST in labelnames:
            raise InvalidInput(f"labelnames is {labelnames!r}, but must be a list of names, none of which is {REST!r}")
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise InvalidInput(f"k is {k!r}, but must be a whole number of at least 1")
        self._summary = SpaceSaving(memory=memory, policy="gated", key="str")
        self._name, self._documentation = name.removesuffix("_total"), documentation
        self._labelnames, self._k = tuple(labelnames), k
        self._lock = Lock()  # requests count in many threads, and a summary takes one at a time
        try:
            Counter(name, documentation, labelnames, registry=None)  # the host's own rules for names
            if registry is not None:
                registry.register(self)
        except ValueError as error:
            raise InvalidInput(f"{error}; take another name") from error

    def labels(self, *labelvalues: object, **labelkwargs: object) -> "LabelSet":
        """What counts one label set, as in `prometheus_client`.

        Args:
            labelvalues: A value for each label, in their order; anything but a string is turned into one.
            labelkwargs: The same by name.

        Raises:
            InvalidInput: These are not the labels.
        """
        if labelkwargs:
            if labelvalues or labelkwargs.keys() != set(self._labelnames):
                raise InvalidInput(f"labels are {', '.join(labelkwargs)}, but must be {', '.join(self._labelnames)}")
            labelvalues = tuple(labelkwargs[name] for name in self._labelnames)
        if len(labelvalues) != len(self._labelnames):
            raise InvalidInput(f"there are {len(labelvalues)} label values for {', '.join(self._labelnames)}")
        values = [str(value) for value in labelvalues]
        key = SEPARATOR.join(values)
        if key.count(SEPARATOR) >= len(values):
            key = SEPARATOR.join(value.replace(SEPARATOR, STAND_IN) for value in values)
        if not key.isascii():  # half a surrogate, as in the name of a file, would spoil the whole page
            key = key.encode("utf-8", "replace").decode()
        return LabelSet(self, key)

    def describe(self) -> Iterable[Metric]:
        """The metrics without their values, by which a registry knows what is taken."""
        return self._families().values()

    def collect(self) -> Iterable[Metric]:
        """The metrics as they are now."""
        with self._lock:
            top = self._summary.top(self._k)
            total, error_bound = self._summary.total, self._summary.error_bound
        found = self._families()
        for row in top:
            labels = dict(zip(self._labelnames, str(row.key).split(SEPARATOR), strict=True))
            for kind, value in (("estimate", row.estimate), ("lower", row.lower), ("upper", row.upper)):
                _add_sample(found[kind], labels, value)
        _add_sample(found["estimate"], {REST: "true"}, max(0.0, total - float(top.estimate.sum())))
        _add_sample(found["total"], {}, total)
        _add_sample(found["error"], {}, error_bound)
        return found.values()

    def _families(self) -> dict[str, Metric]:
        name, what = self._name, self._documentation
        return {
            "total": CounterMetricFamily(name, f"{what} All of them."),
            "estimate": GaugeMetricFamily(f"{name}_estimate", f"{what} Estimates for the busiest label sets."),
            "lower": CounterMetricFamily(f"{name}_lower", f"{what} At least so many."),
            "upper": GaugeMetricFamily(f"{name}_upper", f"{what} At most so many."),
            "error": GaugeMetricFamily(f"{name}_error_bound", f"{what} No bounds are further apart."),
        }

    def _add(self, key: str, amount: int) -> None:
        with self._lock:
            self._summary.update(key, None if amount == 1 else amount)  # half the time


@final
class LabelSet:
    """One label set of `TopLabelSets`; keeps nothing, so that there can be any number of them."""

    __slots__ = ("_collector", "_key")

    def __init__(self, collector: TopLabelSets, key: str) -> None:
        self._collector, self._key = collector, key

    def inc(self, amount: int = 1) -> None:
        """Count.

        Args:
            amount: How many, a whole number of at least 1.

        Raises:
            InvalidInput: The amount is none.
        """
        self._collector._add(self._key, amount)


def _add_sample(family: Metric, labels: dict[str, str], value: float) -> None:
    suffix = "_total" if isinstance(family, CounterMetricFamily) else ""
    family.samples.append(Sample(family.name + suffix, labels, float(value)))
