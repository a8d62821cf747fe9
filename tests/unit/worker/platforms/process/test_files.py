import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from common.errors import TemporaryError
from worker.platforms.process import files, lock
from worker.platforms.process.born import _born_by_ps, born, is_running
from worker.platforms.process.network import Network


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_files_and_folders_are_their_owners_alone(tmp_path: Path) -> None:
    files.make_folder(tmp_path / "a" / "b")
    files.write(tmp_path / "a" / "b" / "c", "text")
    assert [mode(tmp_path / "a"), mode(tmp_path / "a/b"), mode(tmp_path / "a/b/c")] == [0o700, 0o700, 0o600]


def test_a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.write(path, "long " * 1000)
    files.write(path, "short")
    assert files.read(path) == "short"
    assert list(tmp_path.iterdir()) == [path]


def test_of_many_who_create_one_file_one_does(tmp_path: Path) -> None:
    path, made = tmp_path / "file", []
    start = threading.Barrier(8)

    def create(number: int) -> None:
        start.wait(30)
        if files.create(path, f"{number}"):
            made.append(f"{number}")

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert made == [files.read(path)]
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_there_reads_as_none(tmp_path: Path) -> None:
    assert files.read(tmp_path / "none") is None
    assert files.read(tmp_path / "none" / "none") is None


def test_a_folder_goes_aside_and_then_for_good(tmp_path: Path) -> None:
    folder, aside = tmp_path / "folder", tmp_path / "aside"
    files.make_folder(folder / "deep")
    assert files.set_aside(folder, aside) is not None
    assert files.set_aside(folder, aside) is None
    assert not folder.exists()
    files.sweep(aside)
    assert list(aside.iterdir()) == []


def test_a_sweep_ends_in_time_and_the_next_one_goes_on(tmp_path: Path) -> None:
    aside, elsewhere = tmp_path / "aside", tmp_path / "elsewhere"
    files.make_folder(aside / "gone" / "deep")
    files.make_folder(elsewhere)
    (elsewhere / "kept").touch()
    (aside / "gone" / "link").symlink_to(elsewhere)
    for number in range(10):
        (aside / "gone" / "deep" / str(number)).touch()
    ticks = iter(range(100))
    files.sweep(aside, seconds=4, monotonic=lambda: next(ticks))
    assert len(list((aside / "gone" / "deep").iterdir())) == 7
    files.sweep(aside)
    assert list(aside.iterdir()) == []
    assert (elsewhere / "kept").exists()


def test_a_lock_keeps_others_out_for_as_long_as_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with lock.hold(path), pytest.raises(TemporaryError), lock.hold(path, patience=0.05):
        raise AssertionError("two hold it")
    with lock.hold(path, patience=0.05):
        pass


def test_a_lock_is_not_inherited_by_programs_that_are_started(tmp_path: Path) -> None:
    with lock.hold(tmp_path / "lock") as descriptor:
        assert not os.get_inheritable(descriptor)


def test_a_process_is_known_by_its_start() -> None:
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        start = born(process.pid)
        assert start is not None
        assert is_running(process.pid, start)
        assert not is_running(process.pid, f"{start}0")
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert born(process.pid) is None  # a zombie
    assert not is_running(process.pid, start)


def test_where_there_is_no_proc_ps_is_asked() -> None:
    start = _born_by_ps(os.getpid())
    assert start
    assert _born_by_ps(os.getpid()) == start
    assert _born_by_ps(2**22 + 1) is None


def test_nobody_is_ever_taken_for_oneself() -> None:
    start = born(os.getpid())
    assert start is not None
    assert not is_running(os.getpid(), start)


def test_addresses() -> None:
    assert Network("127.0.0.1", "db.example.com").address(20_000) == "http://127.0.0.1:20000"
    assert Network("0.0.0.0", "db.example.com").address(20_000) == "http://127.0.0.1:20000"
    assert Network("0.0.0.0", "db.example.com").shown(20_000) == "http://db.example.com:20000"
    assert Network("::1", "::1").address(20_000) == "http://[::1]:20000"
    within = Network("0.0.0.0", "db.example.com", "instances")
    assert (within.address(20_000), within.beside) == ("http://instances:20000", "127.0.0.1")
