"""A private single-node Kubernetes for tests.

  lab up                    a fresh cluster, with the images of the stand-in for CouchDB and of busybox
  lab exec -- COMMAND...    run a command in its network, as its administrator
  lab down                  end everything and remove it; safe to repeat, and after any crash
  lab run -- COMMAND...     up, the command, down whatever happens; the exit status is the command's
  lab load-image TAR...     docker or OCI archives
  lab part VERB NAME        stop, start, restart, hold or release one of the cluster's own parts; an API server that is
                            started is waited for
  lab status                parts, memory, CPU time
  lab logs [PART]           the log files, or one of them
  lab needs                 only see that this machine has what a lab needs, and install what can be; 2 when it has not
  lab build                 only build the programs and say where they are

LAB_DIR names the lab's folder, one cluster each; not below /var or /run. Default: $XDG_CACHE_HOME/kanto/kubernetes/lab.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from dev import debian
from dev.cache import cache_folder
from dev.kubernetes.lab import build, cluster, control, inside, lock, needs, status
from dev.kubernetes.lab.images import content, store
from dev.kubernetes.lab.place import LabError, Place, find_place


def main(words: Sequence[str]) -> int:
    """The exit status: 0, or the command's own, or 2 with a sentence when the lab cannot do what was asked."""
    os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}:{debian.SBIN}"
    command = COMMANDS.get(words[0]) if words else None
    if command is None:
        tell(__doc__ or "")
        return 0 if words in (["help"], ["--help"], ["-h"]) else 2
    try:
        return command(words[1:])
    except LabError as error:
        say(str(error))
        return 2


def up(words: Sequence[str]) -> int:
    _no_more(words)
    place = _built_place()
    with lock.hold(place):
        _bring_up(place)
    say(f"up in {place.folder}; from inside: export KUBECONFIG={place.kubeconfig}")
    return 0


def down(words: Sequence[str]) -> int:
    _no_more(words)
    place = _place()
    with lock.hold(place):
        cluster.down(place)
    return 0


def run(words: Sequence[str]) -> int:
    command = _command(words)
    place = _built_place()
    with lock.hold(place), _ending_on_signals():
        try:
            _bring_up(place)
            return inside.run(place, command, os.environ)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            cluster.down(place)


def exec_(words: Sequence[str]) -> int:
    inside.become(_place(), _command(words), os.environ)
    return 2


def load_image(words: Sequence[str]) -> int:
    store.load_from_outside(inside.init_of(_place()), [Path(word) for word in words])
    return 0


def part(words: Sequence[str]) -> int:
    if len(words) != 2:
        raise LabError("say what to do with which part: " + "; ".join(f"{k} ({v})" for k, v in control.VERBS.items()))
    place = _place()
    control.ask(place, *words)
    if words[0] in ("start", "restart") and words[1] == "kube-apiserver":
        cluster.wait_for_api_server(place, outer=os.environ)
    return 0


def show_status(words: Sequence[str]) -> int:
    _no_more(words)
    rows = status.read(_place())
    for name, row in rows.items():
        tell(f"{name:26}{row.processes:4} processes {row.resident_kib / 1024:8.1f} MiB {row.cpu_seconds:8.1f} s CPU")
    return 0 if all(row.processes for row in rows.values()) else 1


def logs(words: Sequence[str]) -> int:
    folder = _place().logs
    if not folder.is_dir():
        raise LabError(f"no lab has been up in {folder.parent}")
    names = [f"{word}.log" for word in words]
    for file in sorted(folder.iterdir()):
        if not names:
            tell(str(file))
        elif file.name in names:
            tell(file.read_text(encoding="utf-8", errors="replace").rstrip())
    return 0


def needs_(words: Sequence[str]) -> int:
    _no_more(words)
    needs.ensure(say)
    return 0


def build_(words: Sequence[str]) -> int:
    _no_more(words)
    needs.ensure(say)
    tell(str(build.ensure(_cache(), say)))
    return 0


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "up": up,
    "down": down,
    "run": run,
    "exec": exec_,
    "load-image": load_image,
    "part": part,
    "status": show_status,
    "logs": logs,
    "needs": needs_,
    "build": build_,
}


def say(words: str) -> None:
    """Progress and refusals, to stderr, so that what a command prints stays its own."""
    print(f"lab: {words}", file=sys.stderr, flush=True)  # noqa: T201


def tell(words: str) -> None:
    """What was asked for."""
    print(words, flush=True)  # noqa: T201


def _cache() -> build.Cache:
    return build.Cache(cache_folder() / "kubernetes")


def _place() -> Place:
    cache = _cache()
    return find_place(Path(os.environ.get("LAB_DIR") or cache.folder / "lab"), cache.programs())


def _built_place() -> Place:
    say(needs.WORDS)
    needs.ensure(say)
    build.ensure(_cache(), say)
    return _place()


def _bring_up(place: Place) -> None:
    node = needs.find_node()
    if node is None:
        raise LabError("there is no Node any more")
    images = [cluster.make_image(_cache(), image) for image in (content.busybox(), content.couchdb(node))]
    cluster.up(place, images, outer=os.environ, say=say)


def _command(words: Sequence[str]) -> Sequence[str]:
    command = words[1:] if words[:1] == ["--"] else words
    if not command:
        raise LabError("say which command to run, after `--`")
    return command


def _no_more(words: Sequence[str]) -> None:
    if words:
        raise LabError(f"what is {' '.join(words)!r}? `lab help` says what there is")


@contextmanager
def _ending_on_signals() -> Iterator[None]:
    """SIGTERM ends the work as Ctrl-C does, so that the lab is taken down."""

    def end(number: int, _: FrameType | None) -> None:
        raise LabError(f"ended by signal {number}")

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
