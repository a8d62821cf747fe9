import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanto.run.lines import LONGEST, Log, Splitter, format_line, is_coloured


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8"))), st.lists(st.integers(1, 9)))
def test_lines_are_the_same_whatever_pieces_they_come_in(texts: list[str], cuts: list[int]) -> None:
    stream = "".join(text + "\n" for text in texts).encode()
    splitter = Splitter()
    got: list[str] = []
    for cut in cuts:
        got += splitter.feed(stream[:cut])
        stream = stream[cut:]
    assert got + splitter.feed(stream) + splitter.end() == texts


def test_a_last_line_without_an_end_is_not_lost() -> None:
    splitter = Splitter()
    assert splitter.feed(b"one\r\ntw") == ["one"]
    assert splitter.end() == ["tw"]
    assert splitter.end() == []


def test_an_endless_line_is_cut_so_that_it_does_not_fill_memory() -> None:
    splitter = Splitter()
    pieces = splitter.feed(b"x" * (2 * LONGEST + 1))
    assert [len(piece) for piece in pieces] == [LONGEST, LONGEST]
    assert splitter.end() == ["x"]


def test_names_stand_in_a_column() -> None:
    assert format_line("api", "up", width=8, colour=None) == "api      | up"
    assert format_line("worker-1", "up", width=8, colour=36) == "\x1b[36mworker-1 |\x1b[0m up"


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_a_terminal_gets_colours_unless_told_otherwise(environment: dict[str, str], wanted: bool) -> None:
    assert is_coloured(Terminal(), environment) is wanted


def test_a_file_gets_no_colours() -> None:
    assert not is_coloured(io.StringIO(), {})


def test_each_process_has_a_colour_of_its_own_and_kanto_has_none() -> None:
    out = io.StringIO()
    log = Log(out, names=("redis", "api"), coloured=True)
    for name in ("redis", "api", "kanto"):
        log.line(name, "x")
    first, second, third = out.getvalue().splitlines()
    assert first.startswith("\x1b[36m")
    assert second.startswith("\x1b[33m")
    assert third == "kanto | x"


def test_a_reader_that_has_gone_away_is_told_once_and_is_no_error() -> None:
    calls: list[str] = []
    log = Log(Gone(), names=(), coloured=False)
    log.on_lost(lambda: calls.append("lost"))
    log.say("one")
    log.say("two")
    assert calls == ["lost"]
