"""What tests ask an instance, or an endpoint, themselves."""

import httpx


def answers(client: httpx.Client) -> bool:
    """Whether anybody is there."""
    try:
        return client.get("/_up", timeout=2).status_code == 200
    except httpx.TransportError:
        return False
