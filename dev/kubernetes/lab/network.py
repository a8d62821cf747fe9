"""The network of a lab: a bridge that is the node's and that pods hang on. Nothing leads out of it."""

import subprocess

from dev.kubernetes.lab.place import NODE_IP, SERVICE_CIDR

COMMANDS = (
    "link set lo up",
    "link add cni0 type bridge",
    "link add lab0 type veth peer name lab1",  # a bridge without a port is down
    "link set lab0 master cni0",
    "link set lab0 up",
    "link set lab1 up",
    f"addr add {NODE_IP}/16 dev cni0",
    "link set cni0 up",
    f"route add {SERVICE_CIDR} dev cni0 src {NODE_IP}",  # the node's own way to Services, without a default route
)


def make() -> None:
    """In the network namespace of the caller, which has nothing yet."""
    for command in COMMANDS:
        subprocess.run(["ip", *command.split()], check=True, timeout=30)
