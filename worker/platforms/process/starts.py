"""When what has died is started again: at once, then after pauses that double. Pure but for its two file accesses."""

from dataclasses import dataclass, replace
from pathlib import Path

from common.codec import decode, encode
from common.errors import NewerVersion, PermanentError
from worker.platforms.process import files
from worker.platforms.process.launch import BEGINS

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STEADY_SECONDS = 5.0
"""Who lived for this long after its pause, and the pause again, had recovered: its next start is a first one."""


@dataclass(frozen=True, slots=True)
class Starts:
    """How often in a row it was started, when last (Unix seconds), and what was in the way of the next start."""

    count: int = 0
    at: float = 0.0
    obstacle: str = ""

    def wait(self, now: float, *, longest: float = LONGEST_PAUSE) -> float:
        """Seconds until it may be started; never more than `longest`, even if the clock was set back."""
        return max(0.0, min(self.at + min(self._pause(), longest) - now, longest))

    def _pause(self) -> float:
        return min(FIRST_PAUSE * 2.0 ** min(self.count - 1, 10), LONGEST_PAUSE) if self.count else 0.0

    def started(self, now: float) -> "Starts":
        """What is noted when it is started now."""
        was_steady = now - self.at >= 2 * self._pause() + STEADY_SECONDS
        return Starts(1 if was_steady else self.count + 1, now)

    def hindered(self, obstacle: str) -> "Starts":
        return replace(self, obstacle=obstacle)

    def why_down(self, last_words: str, now: float) -> str:
        """Why it does not run, for people."""
        if self.obstacle:
            return self.obstacle
        if self.count == 0:
            return "it has not been started yet"
        said = f", its last words: {last_words}" if last_words else " without a word"
        wait = self.wait(now)
        return f"it ended{said}" + (f"; started again in {wait:.0f} s" if wait >= 1 else "")


def load(path: Path) -> Starts:
    """What was noted; nothing if that was cut off by a crash of the machine."""
    text = files.read(path)
    try:
        return Starts() if text is None else decode(Starts, text)
    except (NewerVersion, PermanentError):
        return Starts()


def save(path: Path, starts: Starts) -> None:
    files.note(path, encode(starts))


def last_words(log: Path, *, longest: int = 200) -> str:
    """The last line with any words in it that the program's last life left in its log, cut to `longest` characters.

    What an earlier life said is no cause of the last one's end.
    """
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    for line in reversed(lines):
        if line.startswith(BEGINS):
            return ""
        if words := line.strip():
            return words[:longest]
    return ""
