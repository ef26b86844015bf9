import pytest

from beforehand.core.checksum import crc32c


@pytest.mark.parametrize(("data", "checksum"), [(b"123456789", 0xE3069283), (b"", 0), (bytes(32), 0x8A9136AA)])
def test_checksums_are_those_of_the_standard(data, checksum):
    assert crc32c(data) == checksum
