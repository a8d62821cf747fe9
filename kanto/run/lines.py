"""The common log: lines of many processes, each with the name of its own in front."""

from collections.abc import Callable, Mapping
from typing import TextIO

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)
"""ANSI foregrounds; red is left to what a process prints itself."""

LONGEST = 64 * 1024
"""Bytes. What is longer without an end of line is cut into pieces, so that no process can fill our memory."""


class Splitter:
    """Cuts a stream of bytes into lines, whatever pieces it comes in."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[str]:
        """The lines that this piece completes, without their ends."""
        *whole, self._rest = (self._rest + piece).split(b"\n")
        while len(self._rest) > LONGEST:
            whole.append(self._rest[:LONGEST])
            self._rest = self._rest[LONGEST:]
        return [self._text(line) for line in whole]

    def end(self) -> list[str]:
        """What came last without an end of line."""
        rest, self._rest = self._rest, b""
        return [self._text(rest)] if rest else []

    @staticmethod
    def _text(line: bytes) -> str:
        return line.rstrip(b"\r").decode(errors="replace")


def is_coloured(out: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether colours are wanted: on a terminal, unless NO_COLOR (no-color.org) or a dumb terminal says otherwise."""
    return out.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def format_line(name: str, text: str, *, width: int, colour: int | None) -> str:
    """One line of the log."""
    front = f"{name:<{width}} |"
    return f"\x1b[{colour}m{front}\x1b[0m {text}" if colour else f"{front} {text}"


class Log:
    """Writes lines of named processes to one stream."""

    def __init__(self, out: TextIO, *, names: tuple[str, ...], coloured: bool) -> None:
        self._out = out
        self._width = max(map(len, ("kanto", *names)))
        self._colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)} if coloured else {}
        self.is_lost = False
        self._on_lost: Callable[[], object] | None = None

    def on_lost(self, call: Callable[[], object]) -> None:
        """What to do, once, when the reader has gone away (`kanto run | head`): later lines go nowhere."""
        self._on_lost = call

    def line(self, name: str, text: str) -> None:
        """Write one line of a process."""
        self._write(format_line(name, text, width=self._width, colour=self._colours.get(name)))

    def say(self, text: str) -> None:
        """Write one line of our own."""
        self.line("kanto", text)

    def plain(self, text: str) -> None:
        """Write a text as it is, so that it can be copied."""
        self._write(text)

    def _write(self, text: str) -> None:
        if self.is_lost:
            return
        try:
            self._out.write(text + "\n")
            self._out.flush()
        except OSError:
            self.is_lost = True
            if self._on_lost is not None:
                self._on_lost()
