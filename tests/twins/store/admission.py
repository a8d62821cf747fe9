"""Who may ask, and how often, of the store in memory: the twin of scripts/admit.lua and hit.lua."""

from collections.abc import Callable, Iterable

from common.errors import NotRebuilt
from common.store.admission import Admission, Full, Knock, Window
from common.store.rules import milliseconds
from tests.twins.store.state import State


def admit(state: State, knock: Knock, now: int) -> Admission:
    if not state.is_rebuilt:
        raise NotRebuilt
    login = state.login_of(knock.user)
    is_proved = login is not None and login == knock.proved
    full = hit(state, knock.callers, now)
    if full is None:
        full = hit(state, knock.users, now) if is_proved else _look(state, knock.refusals, now)
    return Admission(login, full)


def hit(state: State, windows: Iterable[Window], now: int) -> Full | None:
    def is_full(name: str, most: int) -> bool:
        state.windows[name] = state.windows.get(name, 0) + 1
        return state.windows[name] > most

    return _fullest(windows, is_full, now)


def _look(state: State, windows: Iterable[Window], now: int) -> Full | None:
    return _fullest(windows, lambda name, most: state.windows.get(name, 0) >= most, now)


def _fullest(windows: Iterable[Window], is_full: Callable[[str, int], bool], now: int) -> Full | None:
    """The window to wait longest for; of two that end together the first."""
    worst: Full | None = None
    for window in windows:
        number, passed = divmod(now, milliseconds(window.seconds))
        if is_full(f"{window.name}:{window.seconds}:{number}", window.most):
            retry_in = (milliseconds(window.seconds) - passed) / 1000
            if worst is None or retry_in > worst.retry_in:
                worst = Full(window.name, retry_in)
    return worst
