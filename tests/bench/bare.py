"""The floor of the api: a bare FastAPI application whose one route calls a Celery task's `delay()`.

`python -m tests.bench.bare` serves KANTO_PORT, with the same server and the same broker settings as kanto's api.
"""

import uvicorn
from fastapi import FastAPI

from common.settings import Settings
from tests.bench.bare_task import build_task


def build_app(settings: Settings) -> FastAPI:
    task = build_task(settings.redis_url)
    app = FastAPI(openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/", status_code=202)
    def post() -> dict[str, str]:
        return {"id": str(task.delay("johny2", "my-test-db1").id)}

    return app


if __name__ == "__main__":
    found = Settings()
    uvicorn.run(build_app(found), host="127.0.0.1", port=found.port, access_log=False, log_level="warning")
