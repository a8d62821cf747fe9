"""`kanto users` as a process, on a real Redis."""

import os
import subprocess
import sys

from common.store.redis import RedisStore

TOKEN = "Ty5wvW7LuQ3T"


def users(redis_url: str, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kanto", "users", *words],
        env={**os.environ, "KANTO_REDIS_URL": redis_url},
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_operator_adds_and_removes_a_user(redis_url: str) -> None:
    store = RedisStore(redis_url)
    early = users(redis_url, "add", "ann", typed=f"{TOKEN}\n")
    assert (early.returncode, early.stderr.count("\n")) == (2, 1), "a lost Redis is read back first"
    store.rebuild(())
    added = users(redis_url, "add", "ann", typed=f"{TOKEN}\n")
    assert (added.returncode, added.stdout, added.stderr) == (0, "", "")
    assert TOKEN not in str(store.owner_hash("ann"))
    again = users(redis_url, "add", "ann", typed=f"{TOKEN}\n")
    assert (again.returncode, again.stderr) == (
        2,
        "kanto: there is a user ann already. kanto users token gives another token to one\n",
    )
    assert users(redis_url, "list").stdout == "ann\t0 clusters\tenabled\n"
    assert users(redis_url, "remove", "ann").returncode == 0
    assert users(redis_url, "list").stdout == ""
    store.close()


def test_a_redis_that_is_away_is_one_sentence() -> None:
    ended = users("redis://127.0.0.1:1/0", "list")
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert ended.stderr.startswith("kanto: ")
