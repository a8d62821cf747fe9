"""The events of the store in memory: a capped log."""

from collections import deque

from common.cluster import ClusterKey
from common.store.port import Event
from common.store.rules import EVENTS, EVENTS_AT_ONCE, FIRST_EVENT, event_number


class EventLog:
    """Numbered as a Redis stream numbers its entries. Not thread-safe: its owner holds the lock."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=EVENTS)

    def post(self, key: ClusterKey, job: str | None, now: int, *, ended: bool = False) -> None:
        last, sequence = event_number(self.newest())
        event_id = f"{now}-0" if now > last else f"{last}-{sequence + 1}"
        self._events.append(Event(event_id, key, job, ended))

    def newest(self) -> str:
        return self._events[-1].id if self._events else FIRST_EVENT

    def has_after(self, mark: tuple[int, int]) -> bool:
        return event_number(self.newest()) > mark

    def after(self, mark: tuple[int, int]) -> tuple[Event, ...]:
        return tuple(event for event in self._events if event_number(event.id) > mark)[:EVENTS_AT_ONCE]
