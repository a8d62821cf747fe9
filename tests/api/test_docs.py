"""/docs works without a network, and asks no other host for anything."""

import re

import httpx
import pytest

from tests.api.world import World, world

pytestmark = pytest.mark.anyio

ASKED_FOR = re.compile(r'(?:src|href)="([^"]+)"')
HOST = re.compile(r"(?:https?:)?//[\w-]+\.")


async def parts(here: World) -> dict[str, httpx.Response]:
    """The page and all that it asks for, by address."""
    page = await here.client.get("/docs")
    found = {"/docs": page}
    for name in ASKED_FOR.findall(page.text):
        if not name.startswith("data:"):
            found[name] = await here.client.get(str(page.url.join(name)))
    return found


async def test_the_page_and_all_that_it_asks_for_are_here() -> None:
    async with world() as here:
        found = await parts(here)
        assert {name: answer.status_code for name, answer in found.items()} == dict.fromkeys(
            ["/docs", "docs/swagger-ui.css", "docs/swagger-ui-bundle.js", "docs/start.js"], 200
        )
        kinds = [answer.headers["content-type"].partition(";")[0] for answer in found.values()]
        assert kinds == ["text/html", "text/css", "text/javascript", "text/javascript"]
        assert "SwaggerUIBundle" in found["docs/swagger-ui-bundle.js"].text
        named = re.search(r'url: "([^"]+)"', found["docs/start.js"].text)
        assert named is not None
        document = await here.client.get(str(found["/docs"].url.join(named[1])))
        assert document.json()["info"]["title"] == "kanto"


async def test_no_other_host_is_named_and_none_would_be_asked() -> None:
    async with world() as here:
        found = await parts(here)
        for name in ("/docs", "docs/start.js"):
            assert HOST.search(found[name].text) is None, name
        assert not re.search(r"url\([\"']?(?:https?:)?//|@import", found["docs/swagger-ui.css"].text)
        for name, answer in found.items():
            policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
            assert policy.pop("default-src") == "'none'", name
            sources = {source for part in policy.values() for source in part.split()}
            assert sources == {"'self'", "'none'", "data:"}, name
            assert policy["script-src"] == policy["connect-src"] == "'self'", name


async def test_nothing_is_inline_that_the_policy_refuses() -> None:
    async with world() as here:
        page = (await here.client.get("/docs")).text
        assert re.findall(r"<script[^>]*>([^<]+)</script>", page) == []
        assert "<style" not in page
        assert not re.search(r"\son\w+=|\sstyle=", page)


async def test_no_other_file_is_given_out() -> None:
    async with world() as here:
        for name in ("redoc.standalone.js", "..%2fcore.py", "%2e%2e/core.py", ""):
            assert (await here.client.get(f"/docs/{name}")).status_code == 404, name
        assert (await here.client.post("/docs")).status_code == 405
