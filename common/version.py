"""Which kanto this is."""

from importlib.metadata import PackageNotFoundError, version


def own_version() -> str:
    try:
        return version("kanto")
    except PackageNotFoundError:
        return "(not installed)"
