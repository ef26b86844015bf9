import pytest

from beforehand.core.errors import CapacityExceeded
from beforehand.gradients.randomness import rounding_key, splitmix64, stream


def test_golden_keys():
    assert splitmix64(0) == 0xE220A8397B1DCDAF  # as its authors' code
    assert rounding_key(1, 0) == 0xE99FF867DBF682C9


def test_keys_differ_by_seed_and_rank():
    assert len({rounding_key(seed, rank) for seed in range(50) for rank in range(50)}) == 2500


def test_streams_differ_by_step_bucket_and_piece_and_fit_56_bits():
    streams = {stream(step, bucket, piece) for step in (0, 1, 2**32 - 1) for bucket in (0, 4095) for piece in (0, 4095)}
    assert len(streams) == 12
    assert max(streams) < 2**56
    assert stream(2**32, 1, 2) == stream(0, 1, 2)


@pytest.mark.parametrize(
    ("bucket", "part", "message"), [(4096, 0, "bucket is 4096"), (0, 4096, "piece is 4096"), (-1, 0, "-1")]
)
def test_what_the_stream_cannot_tell_apart_is_refused(bucket, part, message):
    with pytest.raises(CapacityExceeded, match=message):
        stream(0, bucket, part)
