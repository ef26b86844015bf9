import pytest

from beforehand.__main__ import main


def test_a_folder_that_is_there_is_left_alone(tmp_path, monkeypatch, capsys):
    (tmp_path / "kept").write_text("mine")
    monkeypatch.setattr("sys.argv", ["beforehand", "scheduling", "make-tiny-model", "--output", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code
    assert "exists already; name a new folder" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["kept"]
