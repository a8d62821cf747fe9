"""Is this process alive, and is kanto as a whole ready for work?"""

from api.envelope import Answer, Json
from api.service import Service
from common.errors import KantoError

READY = "kanto is ready"
NOT_READY = "kanto is not ready"


async def health() -> Answer:
    """The process lives: its loop came to this line. Nothing else is asked."""
    return Answer(200, "ok", "kanto's api lives")


async def readiness(service: Service) -> Answer:
    """Whether the store answers, has been filled since it was new, and a worker was seen in the last 30 seconds."""
    try:
        rebuilt, workers = await service.threads.run(lambda: (service.store.is_rebuilt(), service.store.workers()))
    except KantoError as error:
        return _not_ready(error.detail, {"redis": False, "rebuilt": None, "workers": None})
    parts: Json = {"redis": True, "rebuilt": rebuilt, "workers": workers}
    if workers == 0:
        return _not_ready("no worker was seen in the last 30 seconds: jobs wait. Start one: python -m worker", parts)
    if not rebuilt:
        return _not_ready("no worker has read the clusters back into Redis yet. Wait, or look at a worker's log", parts)
    return Answer(200, "ok", READY, result=parts)


def _not_ready(detail: str, parts: Json) -> Answer:
    return Answer(503, "error", NOT_READY, detail, result=parts, code="not_ready", headers={"Retry-After": "2"})
