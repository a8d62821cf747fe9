"""A worker as any other, on a platform whose instances and workers reach each other through `wires`."""

import sys
from dataclasses import replace
from urllib.parse import urlsplit

from common.cluster import ClusterSpec
from common.settings import Settings
from tests.faults.wires import WIRED
from worker import main
from worker.core.observed import Instance, Platformed, Unknown
from worker.platforms.process.platform import ProcessPlatform


class WiredPlatform(ProcessPlatform):
    """The process platform, whose instances are seen from outside by another address than by themselves, as pods are.

    Users' clients and the balancer take the direct way.
    """

    def observe(self, spec: ClusterSpec) -> Platformed | Unknown:
        seen = super().observe(spec)
        return seen if isinstance(seen, Unknown) else replace(seen, instances=tuple(map(wired, seen.instances)))


def wired(instance: Instance) -> Instance:
    port = urlsplit(instance.address).port
    return replace(instance, address=f"http://{WIRED}:{port}", loopback=instance.address)


if __name__ == "__main__":
    sys.exit(main.serve(Settings(), build=WiredPlatform.from_settings))
