"""The plain text for whoever comes without knowing the way."""

from collections.abc import Iterable

from api.operations import Operation

EXAMPLE = 'curl 127.0.0.1:8080/v0/create -d "username=johny2&token=Ty5wvW7LuQ3T&cluster_tag=my-test-db1&replicas=3"'


def welcome(operations: Iterable[Operation], *, version: str) -> str:
    """Name, version, one line an operation. The same for every caller."""
    lines = [f"kanto {version}: rings of independent CouchDB instances behind one endpoint", ""]
    for operation in operations:
        fields = " ".join(one.name if one.is_needed else f"[{one.name}]" for one in operation.fields)
        lines.append(f"POST {operation.path:<15} {fields:<31} {operation.text}".rstrip())
    lines += [
        f"GET  {'/v0/jobs/ID':<15} {'(HTTP Basic)':<31} the same as /v0/job; DELETE: the same as /v0/cancel",
        f"GET  {'/v0/jobs':<15} {'(HTTP Basic)':<31} the same as POST; /v0/jobs/ID/events: its changes",
        "",
        "Each takes a form with username and token as well, and waits for its end: async=1 answers at once.",
        f"For example: {EXAMPLE}",
        "",
        "GET /docs, /openapi.json, /healthz, /readyz",
    ]
    return "\n".join(lines) + "\n"
