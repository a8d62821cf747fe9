"""The condition by which kanto says that a pod may serve. Pure (hazards H5)."""

from datetime import datetime

from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.frame import Manifest


def build_gate(*, serves: bool, at: datetime) -> Manifest:
    """A strategic merge patch of a pod's `status`: conditions are merged by their type. `at` is aware, in UTC.

    Any other kind of patch would take the kubelet's conditions away.
    """
    return {
        "status": {
            "conditions": [
                {
                    "type": names.FILLED,
                    "status": "True" if serves else "False",
                    "reason": "Serving" if serves else "Withdrawn",
                    "message": "kanto sends traffic here" if serves else "kanto sends no traffic here",
                    "lastTransitionTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                }
            ]
        }
    }
