"""The dashboard's queries as a file of rules, on standard output: promtool then says whether each can be read.

python -m dev.tools.queries | promtool check rules
"""

import json
import sys
from pathlib import Path

DASHBOARD = Path(__file__).resolve().parents[2] / "helm" / "kanto" / "files" / "dashboard.json"


def build_rules(dashboard: str) -> str:
    """JSON, which is YAML too: one rule for each query, under a name of its own."""
    panels = json.loads(dashboard)["panels"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    return json.dumps({"groups": [{"name": "dashboard", "rules": rules}]})


if __name__ == "__main__":
    sys.stdout.write(f"{build_rules(DASHBOARD.read_text(encoding='utf-8'))}\n")
