import pytest

from beforehand.core.errors import InvalidInput
from beforehand.workloads.reading import Reading


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"format": "xlsx"}, "format is 'xlsx', but must be one of 'csv', 'jsonl'"),
        ({"separator": "::"}, "separator is '::', but must be one of ','"),
        ({"decimal": "'"}, "decimal is .*, but must be one of '.', ','"),
        ({"time_zone": "Mars"}, "time_zone is 'Mars', but must be the name of a zone"),
        ({"time_zone": "../etc"}, "time_zone is"),
        ({"time_zone": "Europe"}, "time_zone is"),
    ],
)
def test_what_no_file_can_be_read_by_is_refused(options, words):
    with pytest.raises(InvalidInput, match=words):
        Reading(**options)
