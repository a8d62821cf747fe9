import json
from pathlib import Path

from worker.platforms.process.balancer import SHUN_SECONDS, Backends

A, B, C = ("127.0.0.1", 1), ("127.0.0.1", 2), ("127.0.0.1", 3)


def test_turns_go_round() -> None:
    backends = Backends("", addresses=(A, B, C))
    assert [backends.order(0.0) for _ in range(4)] == [[A, B, C], [B, C, A], [C, A, B], [A, B, C]]


def test_nobody_is_in_turn_when_nobody_serves() -> None:
    assert Backends("").order(0.0) == []


def test_who_did_not_answer_is_last_for_a_moment() -> None:
    backends = Backends("", addresses=(A, B, C))
    backends.shun(A, 10.0)
    assert backends.order(10.0) == [B, C, A]
    backends.turn = 0
    assert backends.order(10.0 + SHUN_SECONDS) == [A, B, C]


def test_turns_go_on_when_somebody_is_withdrawn() -> None:
    backends = Backends("", addresses=(A, B, C))
    backends.order(0.0)
    backends.order(0.0)
    backends.addresses = (A, B)
    assert backends.order(0.0) == [A, B]


def test_a_file_is_read_when_it_is_another(tmp_path: Path) -> None:
    path = tmp_path / "endpoint.json"
    backends = Backends(str(path))
    for addresses in ((A,), (A, B), ()):
        new = tmp_path / "new"
        new.write_text(json.dumps({"grace": 2, "backends": [{"host": h, "port": p} for h, p in addresses]}))
        new.replace(path)
        assert backends.reread()
        assert not backends.reread()
        assert (backends.addresses, backends.grace) == (addresses, 2.0)


def test_what_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "endpoint.json"
    backends = Backends(str(path), addresses=(A,))
    for text in ("{", "[]", '{"backends": []}', '{"grace": 1, "backends": [{"host": "x"}]}'):
        path.write_text(text)
        assert not backends.reread()
    path.unlink()
    assert not backends.reread()
    assert backends.addresses == (A,)
