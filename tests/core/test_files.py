import os
import stat

import pytest

from beforehand.core.errors import InvalidInput
from beforehand.core.files import writing


def test_a_file_appears_whole_with_the_usual_rights(tmp_path):
    with writing(tmp_path / "a") as stream:
        stream.write(b"whole")
        assert not (tmp_path / "a").exists()
    (tmp_path / "b").touch()
    assert (tmp_path / "a").read_bytes() == b"whole"
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"] == [
        stat.S_IMODE((tmp_path / "b").stat().st_mode)
    ] * 2


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_an_error_leaves_everything_as_it_was(tmp_path, error):
    (tmp_path / "a").write_bytes(b"old")

    def fail():
        with writing(tmp_path / "a") as stream:
            stream.write(b"new")
            raise error

    with pytest.raises(error):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "link").symlink_to("a")
    with writing(tmp_path / "link") as stream:
        stream.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_device_is_written_to_and_never_replaced():
    with writing(os.devnull) as stream:
        stream.write(b"gone")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_a_folder_cannot_be_written_to(tmp_path):
    with (
        pytest.raises(InvalidInput, match="cannot be written: Is a directory; choose another place"),
        writing(tmp_path),
    ):
        pass
    assert tmp_path.is_dir()
