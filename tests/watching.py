"""What the dashboard and the alerts ask of kanto's metrics: names, labels, and the values of labels."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FILES = Path(__file__).parents[1] / "helm" / "kanto" / "files"

NAME = re.compile(r"\bkanto_[a-z_]+\b")
SELECTED = re.compile(r"\b(kanto_[a-z_]+)(?:\{([^}]*)\})?")
MATCHED = re.compile(r"([a-z_]+)(=~|!~|!=|=)\"([^\"]*)\"")
GROUPED = re.compile(r"\bby \(([a-z, ]+)\) \(")
"""A metric; what stands in its braces; a label there; what is grouped by."""


def rules() -> list[dict[str, Any]]:
    read = yaml.safe_load((FILES / "alerts.yaml").read_text(encoding="utf-8"))
    return [rule for group in read["groups"] for rule in group["rules"]]


def targets() -> list[dict[str, Any]]:
    """The dashboard's queries, each with its legend."""
    panels = json.loads((FILES / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    return [target for panel in panels for target in panel["targets"]]


def queries() -> list[tuple[str, str]]:
    """Each query of dashboard and alerts, with the texts that name labels of its result."""
    shown = [(target["expr"], target["legendFormat"]) for target in targets()]
    return shown + [(rule["expr"], " ".join(rule["annotations"].values())) for rule in rules()]


def metrics(query: str) -> set[str]:
    return set(NAME.findall(query))


def groups(query: str) -> list[set[str]]:
    """The labels that each `by` names, from left to right."""
    return [_words(found[1]) for found in GROUPED.finditer(query)]


def matches(query: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Metric, label and the values that are asked for, each a regular expression where the query has one."""
    for name, braces in SELECTED.findall(query):
        for label, how, wanted in MATCHED.findall(braces):
            yield name, label, tuple(wanted.split("|")) if how == "=~" else (re.escape(wanted),)


def labels(query: str) -> dict[str, set[str]]:
    """The labels that each metric of a query has to have: those that are asked for, and those it is grouped by."""
    asked: dict[str, set[str]] = {name: set() for name in metrics(query)}
    for name, label, _ in matches(query):
        asked[name].add(label)
    for found in GROUPED.finditer(query):
        for name in metrics(_within(query, found.end())):
            asked[name] |= _words(found[1])
    return asked


def _words(text: str) -> set[str]:
    return set(text.replace(",", " ").split())


def _within(text: str, start: int) -> str:
    """What stands in the parentheses that are open at `start`."""
    depth = 1
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return text[start:place]
    raise AssertionError(f"a parenthesis is not closed: {text}")
