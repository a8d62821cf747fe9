"""`kanto report` on a service that runs: it finds the service's Redis by its home, and tells no secret."""

import json
import subprocess
import sys
import tarfile
from pathlib import Path

from tests.e2e.service import Service


def test_an_operator_gets_an_archive_without_secrets(service: Service, tmp_path: Path) -> None:
    user = service.user("reporter", "a-token-nobody-guesses")
    user.result("create", cluster_tag="reported", replicas=1)
    path = tmp_path / "report.tar.gz"
    words = [sys.executable, "-m", "kanto", "report", "reporter", "reported", "--output", str(path)]
    environment = {"PATH": "/usr/bin:/bin", "KANTO_HOME": str(service.home)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == str(path)
    with tarfile.open(path) as archive:
        files = {Path(entry.name).name: archive.extractfile(entry) for entry in archive.getmembers()}
        texts = {name: file.read() for name, file in files.items() if file is not None}
    told = b"".join(texts.values())
    about, cluster, steps, jobs = (json.loads(texts[f"{name}.json"]) for name in ("about", "cluster", "steps", "jobs"))
    assert about["kanto"]
    assert about["settings"]["home"] == str(service.home)
    assert cluster["spec"]["tag"] == "reported"
    assert cluster["view"]["status"] == "ready"
    assert cluster["memory"] is not None
    assert {"starting instances", "done"} <= {step["step"] for step in steps}
    assert [step["at"] for step in steps] == sorted(step["at"] for step in steps)
    assert [job["kind"] for job in jobs] == ["create"]
    assert jobs[0]["changes"], "the steps that the job took"
    secrets = [
        b"a-token-nobody-guesses",
        (service.home / "redis" / "password").read_bytes().strip(),
        b"pbkdf2",
        b"argon2",
    ]
    assert not [secret for secret in secrets if secret in told]
    user.result("delete", cluster_tag="reported")
