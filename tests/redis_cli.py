"""The little of redis-cli that the docs use, for machines that have none: -h, -p, -x and REDISCLI_AUTH."""

import argparse
import os
import shutil
import sys
from pathlib import Path

import redis


def put_in(folder: Path) -> None:
    """Make `redis-cli` a program of this folder: the machine's own, or else this."""
    own = shutil.which("redis-cli") or shutil.which("valkey-cli")
    words = f"exec {own}" if own else f"exec {sys.executable} {Path(__file__).resolve()}"
    program = folder / "redis-cli"
    program.write_text(f'#!/bin/sh\n{words} "$@"\n', encoding="utf-8")
    program.chmod(0o755)


def main() -> int:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-h", dest="host", default="127.0.0.1")
    parser.add_argument("-p", dest="port", type=int, default=6379)
    parser.add_argument("-x", dest="reads", action="store_true")
    parser.add_argument("words", nargs=argparse.REMAINDER)
    parsed = parser.parse_args()
    words = [*parsed.words, sys.stdin.read()] if parsed.reads else parsed.words
    client = redis.Redis(
        host=parsed.host, port=parsed.port, password=os.environ.get("REDISCLI_AUTH"), protocol=2, decode_responses=True
    )
    client.response_callbacks.clear()  # what the server said, and nothing made of it
    try:
        print(client.execute_command(*words))  # type: ignore[no-untyped-call]
    except redis.RedisError as error:
        print(error)
        return 1
    finally:
        client.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
