import errno
from pathlib import Path

import pytest

from kanto.refusal import Refusal
from kanto.run.home import LEAST_ROOM, check_room, describe, hold, read, write_private


def test_a_home_is_for_its_owner_only(tmp_path: Path) -> None:
    with hold(tmp_path / "deep" / "home") as home:
        assert home.path.stat().st_mode & 0o777 == 0o700


def test_a_home_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    with (
        hold(tmp_path),
        pytest.raises(Refusal, match=r"in use by another `kanto run` \(process \d+\).*KANTO_HOME"),
        hold(tmp_path),
    ):
        pass
    with hold(tmp_path):
        pass


def test_a_home_that_is_a_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match=r"cannot be used .*KANTO_HOME"), hold(tmp_path / "file"):
        pass


def test_a_full_disk_is_refused_before_anything_starts() -> None:
    check_room(Path("/data"), LEAST_ROOM)
    with pytest.raises(Refusal, match="has 1 MB left: make room"):
        check_room(Path("/data"), 1024**2)


def test_a_disk_that_fills_while_writing_is_told_as_such() -> None:
    assert "is full: make room" in describe(Path("/data"), OSError(errno.ENOSPC, "No space left on device"))


def test_private_files_are_private_and_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "password"
    write_private(file, "one\n")
    write_private(file, "two\n")
    assert read(file) == "two"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["password"]


def test_a_file_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert read(tmp_path / "none") is None
