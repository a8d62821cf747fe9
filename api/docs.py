"""/docs: the description for people, drawn by Swagger UI from the files of a package. No other host is asked."""

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import FileResponse, Response

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The browser runs, draws and asks nothing that this api did not give it (W3C, Content Security Policy Level 3)."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

# Relative addresses, so that the page works below a prefix that a proxy takes off.
PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>kanto</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="page"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</html>
"""

# Without a validator: its badge would send the document to its maker.
START = """\
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#page",
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: false,
});
"""

FILES = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}
"""Of the package: the name and the type of each file that the page asks for."""

_FOLDER = files("fastapi_offline") / "static"


async def page(_request: Request) -> Response:
    """The page itself; what it runs and how it looks come apart from it, so that nothing inline need be allowed."""
    return Response(PAGE, media_type="text/html", headers=HEADERS)


async def start(_request: Request) -> Response:
    return Response(START, media_type="text/javascript", headers=HEADERS)


async def file(request: Request) -> Response:
    """One of FILES: the route leads here for no other name."""
    name = request.url.path.rpartition("/")[2]
    return FileResponse(str(_FOLDER / name), media_type=FILES[name], headers=HEADERS)
