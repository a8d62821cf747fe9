"""Where what is built once per machine is kept, outside of the tree."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """kanto's folder below XDG_CACHE_HOME, or ~/.cache (XDG Base Directory Specification). It may not be there yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kanto"
