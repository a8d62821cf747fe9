"""Whatever is sent, the answer is an envelope with a code of the table, and nothing of it is our mistake."""

from urllib.parse import urlencode

import anyio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.operations import OPERATIONS
from common.errors import CODES
from tests.api.world import ME, world

TEXT = st.one_of(
    st.sampled_from(["", "1", "3", "-1", "my-test-db1", "a,b", "*", "0" * 32]),
    st.text(st.characters(codec="utf-8"), max_size=30),
)
FIELDS = ["cluster_tag", "replicas", "databases", "job_id", "async", "force", "other"]
BODIES = st.one_of(
    st.binary(max_size=200),
    st.dictionaries(st.sampled_from(FIELDS), TEXT).map(lambda fields: urlencode({**ME, **fields}).encode()),
)
REQUESTS = st.tuples(st.sampled_from([operation.path for operation in OPERATIONS]), BODIES)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(REQUESTS, min_size=10, max_size=25))
def test_any_request_is_answered_in_the_envelope(requests: list[tuple[str, bytes]]) -> None:
    async def send_all() -> None:
        async with world() as here:
            for path, body in requests:
                answer = await here.client.post(path, content=body, headers={"Prefer": "wait=1"})
                said = answer.json()
                if answer.status_code >= 300:
                    assert CODES[said["code"]] == answer.status_code < 500
                    assert said["error_detail"]
                else:
                    assert said["status"] == "ok" or said["code"] == "still_running"

    anyio.run(send_all)
