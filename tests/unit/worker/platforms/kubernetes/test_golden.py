"""Manifests to the byte, so that every change of them is seen in review. Delete a file to have it written anew."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from common.cluster import Spawner
from worker.platforms.kubernetes.shape import Shape
from worker.platforms.kubernetes.spawners.spawner import find

from .clusters import CHOSEN, PLAIN, SPAWNERS, a_frame

FOLDER = Path(__file__).parent / "golden"


@pytest.mark.parametrize(("name", "shape"), [("plain", PLAIN), ("chosen", CHOSEN)])
@pytest.mark.parametrize("spawner", SPAWNERS)
def test_manifests_are_those_of_the_file(spawner: Spawner, name: str, shape: Shape) -> None:
    manifests = find(spawner).build(a_frame(spawner, shape), [0, 1])
    same(manifests, FOLDER / f"{spawner}-{name}.json")


def same(manifests: Sequence[object], file: Path) -> None:
    text = json.dumps(manifests, indent=2) + "\n"
    if not file.exists():
        file.write_text(text, encoding="utf-8")
        pytest.fail(f"{file} was missing and is written now: look at it, and commit it if it is right")
    assert text == file.read_text(encoding="utf-8")
