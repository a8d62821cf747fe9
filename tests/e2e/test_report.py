"""`kanto report` on a service that runs: it finds the service's Redis by its home, and tells no secret."""

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
        files = [archive.extractfile(entry) for entry in archive.getmembers()]
        told = b"".join(file.read() for file in files if file is not None)
    assert b"reported" in told
    secrets = [
        b"a-token-nobody-guesses",
        (service.home / "redis" / "password").read_bytes().strip(),
        b"pbkdf2",
        b"argon2",
    ]
    assert not [secret for secret in secrets if secret in told]
    user.result("delete", cluster_tag="reported")
