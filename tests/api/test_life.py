"""One cluster from its creation to its end, as an old script sees it."""

import pytest

from tests.api.world import TAG, TOKEN, world

pytestmark = pytest.mark.anyio


async def test_creates_shows_and_deletes_a_cluster() -> None:
    async with world() as here:
        created = await here.create()
        assert created.status_code == 200, created.text
        assert created.text.split('"')[27] == "http://127.0.0.1:20000"
        shown = await here.post("detail", cluster_tag=TAG)
        listed = await here.post("list")
        gone = await here.post("delete", cluster_tag=TAG)
        listed = await here.post("list")
