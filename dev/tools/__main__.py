"""Gives the programs that kanto's chart and alerts are tested with, built once per machine from their Go modules.

python -m dev.tools NAME    the path of helm or promtool, on standard output
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from dev import golang
from dev.cache import cache_folder

SOURCES = Path(__file__).resolve().parent
KUBERNETES = "helm.sh/helm/v3/pkg/chartutil.k8sVersion"
TOOLS = {
    "helm": f"-s -w -X {KUBERNETES}Major=1 -X {KUBERNETES}Minor=34",
    "promtool": "-s -w",
}
"""Each a folder beside this file, whose go.mod and go.sum say what is built, and the linker's flags.

helm is told which Kubernetes to render for where it asks none: without that it is 1.20.
"""

_OPERATOR = "example/prometheus-operator-crd/monitoring.coreos.com"
SCHEMAS = {
    "github.com/kedacore/keda/v2": ("config/crd/bases/keda.sh_scaledobjects.yaml",),
    "github.com/prometheus-operator/prometheus-operator": (
        f"{_OPERATOR}_servicemonitors.yaml",
        f"{_OPERATOR}_prometheusrules.yaml",
    ),
    "sigs.k8s.io/gateway-api": ("config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",),
}
"""Modules that schemas/go.mod names, and the files that are needed of each."""


def main(words: Sequence[str]) -> int:
    """The exit status: 0, or 2 with a sentence."""
    if len(words) != 1 or words[0] not in TOOLS:
        say(f"say which: one of {', '.join(TOOLS)}")
        return 2
    try:
        sys.stdout.write(f"{find(words[0])}\n")
    except golang.BuildError as error:
        say(str(error))
        return 2
    return 0


def find(name: str) -> Path:
    """The program of this name, built if it is missing; BuildError when that fails."""
    if words := golang.missing():
        raise golang.BuildError(f"{name} is built from its Go modules. Missing here: {words}.")
    recipe = golang.Recipe(SOURCES, {name: TOOLS[name]}, "tool")
    programs = cache_folder() / "tools" / f"{name}-{recipe.fingerprint()}"
    golang.ensure(recipe, programs, say, told=f"building {name} from its Go modules: some minutes, once per machine")
    return programs / name


def find_schemas() -> list[Path]:
    """Definitions of the kinds that the chart may render and Kubernetes does not have, from their makers' modules."""
    found = []
    for module, folder in SCHEMAS.items():
        words = ["go", "mod", "download", "-json", module]
        environment = {**os.environ, "GOFLAGS": "", "GOWORK": "off"}
        done = subprocess.run(
            words, cwd=SOURCES / "schemas", env=environment, capture_output=True, text=True, check=False, timeout=600
        )
        answer = json.loads(done.stdout or "{}")
        if done.returncode != 0 or "Dir" not in answer:
            raise golang.BuildError(f"`{' '.join(words)}` failed: {answer.get('Error') or done.stderr.strip()}")
        found += [Path(answer["Dir"], file) for file in folder]
    return found


def say(line: str) -> None:
    sys.stderr.write(f"tools: {line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
