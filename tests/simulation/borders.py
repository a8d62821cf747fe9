"""Ports whose every call has two borders, before and after it, at which anything may happen; and the laws look on."""

from collections.abc import Callable
from typing import Any, Protocol


class Violation(BaseException):
    """A promise was broken. Nothing of kanto catches this, so that no step goes on after it."""


class Died(BaseException):
    """The worker is killed here. Nothing of its own catches this, as nothing catches SIGKILL."""


class Watcher(Protocol):
    """Who hears of each call: before it is carried out, and after it."""

    def border(self, owner: str, port: str, name: str, *, is_before: bool) -> None: ...
    def about(self, owner: str, port: str, name: str, args: tuple[Any, ...]) -> None: ...
    def done(self, owner: str, port: str, name: str, args: tuple[Any, ...]) -> None: ...


class Border:
    """One worker's port as it is, but for what happens at its borders. `port` gives what is there now."""

    def __init__(self, watcher: Watcher, owner: str, name: str, port: Callable[[], Any]) -> None:
        self._watcher = watcher
        self._owner = owner
        self._name = name
        self._port = port

    def __getattr__(self, name: str) -> Any:
        watcher, owner, port = self._watcher, self._owner, self._name

        def call(*args: Any, **kwargs: Any) -> Any:
            watcher.border(owner, port, name, is_before=True)
            watcher.about(owner, port, name, args)
            answer = getattr(self._port(), name)(*args, **kwargs)
            watcher.done(owner, port, name, args)
            watcher.border(owner, port, name, is_before=False)
            return answer

        self.__dict__[name] = call
        return call
