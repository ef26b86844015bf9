"""Sizes, predictions and arrivals of a log of jobs in one unit each."""

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import finite
from beforehand.scheduling.units import SECONDS, service_rate_of, unit_name
from beforehand.workloads.job_columns import Floats, unit_in_name
from beforehand.workloads.job_source import PREDICTIONS, Source


def sizes(source: Source, size_unit: str | None) -> tuple[dict[str, Floats], str | None]:
    """Sizes and predictions in one unit, and that unit."""
    columns, roles = source.columns, source.roles
    named = roles.get("size")
    found = columns.sizes(named) if named else columns.between(roles["start"], roles["end"])
    known = found.unit if found.certain else unit_name("unit", source.unit)
    unit = size_unit or known or found.unit
    jobs = {"size": _converted(found.values, columns.path, "sizes", known or unit, unit)}
    for name in PREDICTIONS:
        if name in roles:
            said = columns.sizes(roles[name])
            own = said.unit or (known if known and roles[name] == name else unit)
            if roles[name] in columns.derived:
                own = unit_name("unit", source.derived_unit)
            if own != "tokens" and unit != "tokens":  # tokens order jobs in seconds, if that is all there is to go by
                jobs[name] = _converted(said.values, columns.path, f"{name} predictions", own, unit)
            else:
                jobs[name] = said.values
    return jobs, unit


def _converted(values: Floats, path: str, what: str, unit: str | None, wanted: str | None) -> Floats:
    """Values in one unit as those in another.

    Raises:
        InvalidInput: no factor converts them.
    """
    if unit == wanted:
        return values
    if unit in SECONDS and wanted in SECONDS:
        return values * (SECONDS[unit] / SECONDS[wanted])
    if wanted is None:
        raise InvalidInput(
            f"{path} has {what} in {unit}, but the unit of the sizes is not known; say it with --size-unit"
        )
    raise InvalidInput(
        f"{path} has {what} in {unit}, which no factor converts to {wanted}; name another unit with --size-unit, or "
        "another column"
    )


def arrivals(source: Source, time_unit: str | None) -> tuple[Floats, str | None]:
    """Arrivals since the earliest, and their unit."""
    name = source.roles["arrival"]
    since, first = source.columns.times(name)
    seconds = first is not None or source.columns.holds_durations(name)
    known = "seconds" if seconds else unit_name("time_unit", source.time_unit)
    if known is None:
        return since, time_unit or unit_in_name(name)
    wanted = time_unit or known
    if wanted != known and not {wanted, known} <= set(SECONDS):
        raise InvalidInput(
            f"time_unit is {wanted}, but arrivals of {source.columns.path} are in {known}; leave --time-unit out"
        )
    return (since if wanted == known else since * (SECONDS[known] / SECONDS[wanted])), wanted


def rates(
    path: str, unit: str | None, time_unit: str | None, tokens_per_second: float | None
) -> tuple[str | None, str | None, float | None]:
    """Both units, and how many of the first one server does in one of the second."""
    if tokens_per_second is None:
        return unit, time_unit, service_rate_of(unit, time_unit)
    tokens = finite("tokens_per_second", tokens_per_second, above=True)
    if unit not in (None, "tokens") or (time_unit or "seconds") not in SECONDS:
        found = f"sizes of {path} are in {unit}" if unit not in (None, "tokens") else f"arrivals are in {time_unit}"
        raise InvalidInput(f"tokens_per_second is {tokens:g}, but {found}; leave --tokens-per-second out")
    time_unit = time_unit or "seconds"
    return "tokens", time_unit, tokens * SECONDS[time_unit]
