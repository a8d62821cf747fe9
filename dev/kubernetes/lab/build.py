"""Builds the lab's programs once per machine: they are kept by a hash of what they are built from.

The sources are the three Go modules beside this package, and whatever their go.sum names, which Go fetches itself.
"""

from dataclasses import dataclass
from pathlib import Path

from dev import golang
from dev.kubernetes.lab.place import LabError

SOURCES = Path(__file__).resolve().parents[1]
VERSION = "v1.34.4"
"""What the parts say they are; go.mod names the same. Without it they say v0.0.0 and clients warn."""

KUBE_FLAGS = (
    "-s -w"
    f" -X k8s.io/component-base/version.gitVersion={VERSION}"
    " -X k8s.io/component-base/version.gitMajor=1"
    f" -X k8s.io/component-base/version.gitMinor={VERSION.split('.')[1]}"
    f" -X k8s.io/client-go/pkg/version.gitVersion={VERSION}"
)
RECIPE = golang.Recipe(SOURCES, {"pause": "-s -w", "kube": KUBE_FLAGS, "coredns": "-s -w"}, links={"kubectl": "kube"})
"""In the order of building: the small one first, so that a Go that does not work is found out at once."""


Say = golang.Say


@dataclass(frozen=True, slots=True)
class Cache:
    """Where built programs and images are kept."""

    folder: Path

    def programs(self) -> Path:
        """The folder of the programs that these sources make; it is there only if they have been built."""
        return self.folder / f"programs-{RECIPE.fingerprint()}"

    def image(self, fingerprint: str) -> Path:
        return self.folder / "images" / f"{fingerprint}.tar"


def ensure(cache: Cache, say: Say) -> Path:
    """The folder of the programs, built if it is missing; LabError when the build fails."""
    programs = cache.programs()
    told = f"building Kubernetes {VERSION} from its Go modules: some 10 minutes on two cores, once per machine"
    try:
        golang.ensure(RECIPE, programs, say, told=told)
    except golang.BuildError as error:
        raise LabError(str(error)) from error
    return programs
