"""The Celery message that wakes a worker for one cluster: a hint that may be lost or doubled, never the truth.

The truth is the due set in the store. So: no results, no retries of publishing, no acknowledgement late, no ETA.
"""

from celery import Celery
from kombu.exceptions import OperationalError

from common.cluster import ClusterKey

STEP_TASK = "kanto.step"
QUEUE = "kanto:wakeups"


def build_celery(redis_url: str) -> Celery:
    """A Celery application for senders and workers alike, with the timeouts measured to fail fast."""
    app = Celery("kanto", broker=redis_url, set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_default_queue=QUEUE,
        task_publish_retry=False,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_timeout": 2.0,
            "socket_connect_timeout": 1.0,
            "max_retries": 0,
            "global_keyprefix": "kanto:celery:",
        },
    )
    return app


class WakeUps:
    """Sends wake-ups. A failure is not an error: the due set makes up for it at the next tick."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def send(self, key: ClusterKey) -> bool:
        """Whether the message was handed to the broker."""
        try:
            self._app.send_task(STEP_TASK, args=(key.user, key.tag), expires=60)
        except (OperationalError, OSError):
            return False
        return True
