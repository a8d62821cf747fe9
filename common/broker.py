"""The Celery application that workers read wake-ups with."""

import ssl

from celery import Celery

from common.wakeup import PREFIX, QUEUE


def build_celery(redis_url: str) -> Celery:
    """No results, no retries, no acknowledgement late, and the timeouts measured to fail fast.

    A `rediss://` server has to show a certificate of a known authority: left alone, kombu takes any (kombu.connection,
    "defaulting to insecure SSL behaviour"), and whoever stands between would read the password.
    """
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
        broker_use_ssl={"ssl_cert_reqs": ssl.CERT_REQUIRED} if redis_url.startswith("rediss:") else None,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_timeout": 2.0,
            "socket_connect_timeout": 1.0,
            "max_retries": 0,
            "global_keyprefix": PREFIX,
        },
    )
    return app
