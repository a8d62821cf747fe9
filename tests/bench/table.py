"""The figures as a table for people and as a file."""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.bench.figure import Figure

HEAD = ("what", "kanto", "floor", "ratio", "goal", "")


def render(figures: Sequence[Figure]) -> str:
    rows = [HEAD, *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    floors = [f"  {f.name}: the floor is {f.floor_name}" for f in figures if f.floor]
    notes = [f"  {f.name}: {f.note}" for f in figures if f.note]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], "", *floors, *notes])


def _row(figure: Figure) -> tuple[str, ...]:
    ratio = figure.ratio
    met = "" if figure.goal is None or ratio is None else ("met" if figure.goal.is_met(ratio) else "MISSED")
    return (
        figure.name,
        f"{median(figure.kanto):.4g} {figure.unit}",
        f"{median(figure.floor):.4g} {figure.unit}" if figure.floor else "",
        f"{ratio:.2f}" if ratio is not None else "",
        str(figure.goal) if figure.goal is not None else "",
        met,
    )


def write(path: Path, figures: Sequence[Figure], *, machine: str, seconds: float, section: str = "") -> None:
    """Into the file; another section of it stays as it is."""
    content = {"machine": machine, "seconds": round(seconds), "figures": [figure.as_json() for figure in figures]}
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    changed = {**known, section: content} if section else {**known, **content}
    path.write_text(json.dumps(changed, indent=1) + "\n", encoding="utf-8")
