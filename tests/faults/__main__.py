"""`python -m tests.faults [MINUTES] [SEED]`: faults on real processes for so long; the account, and 1 when it fails."""

import secrets
import sys
import tempfile
from pathlib import Path

from tests.faults.life import Life


def main(words: list[str]) -> int:
    minutes = float(words[0]) if words else 2.0
    seed = int(words[1]) if len(words) > 1 else secrets.randbelow(10**6)
    print(f"seed {seed}, {minutes:g} minutes", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="kanto-faults-"))
    life = Life(folder, seed=seed, seconds=minutes * 60)
    try:
        account = life.run()
    finally:
        print("\n".join(life.account.log))
        print(f"the log is in {life.service.log}", flush=True)
    print(account)
    return 1 if account.lost else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
