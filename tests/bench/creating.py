"""From a POST of create to the answer that all is ready, against a straight script that does the same."""

import time
from pathlib import Path

import httpx

from tests.bench import script
from tests.bench.figure import Figure, at_most
from tests.e2e.service import Service
from worker.platforms.process.program import find

REPLICAS = 3
RUNS = 5
WHO = {"username": "johny2", "token": "Ty5wvW7LuQ3T"}
ITERATIONS = 600_000
"""What a new cluster's admin line takes by default: half a second of work, in kanto and in the script."""


def measure(home: Path) -> list[Figure]:
    settings = {"KANTO_PASSWORD_ITERATIONS": str(ITERATIONS), "KANTO_UPKEEP_INTERVAL": "30"}
    service = Service(home / "home", range(26000, 27000), settings)
    program = find(None)
    kanto: list[float] = []
    floor: list[float] = []
    service.start()
    try:
        with httpx.Client(base_url=service.url, trust_env=False, timeout=120) as client:
            for number in range(RUNS + 1):
                took = create(client, f"bench-{number}")
                alone = script.run(home / f"script-{number}", REPLICAS, program, iterations=ITERATIONS)
                if number > 0:  # the first is the warm-up
                    kanto.append(took)
                    floor.append(alone)
    finally:
        service.end()
    return [
        Figure(
            "create of three, to ready",
            "s",
            kanto,
            "a script that starts the same three nodes at once, and wires them as soon as they answer",
            floor,
            at_most(1.1),
        )
    ]


def create(client: httpx.Client, tag: str) -> float:
    form = {**WHO, "cluster_tag": tag, "replicas": str(REPLICAS)}
    began = time.monotonic()
    answer = client.post("/v0/create", data=form)
    took = time.monotonic() - began
    assert answer.status_code == 200, answer.text
    assert answer.json()["result"]["Status"] == "ready", answer.text
    answer = client.post("/v0/delete", data=form)
    assert answer.status_code == 200, answer.text
    return took
