"""What the store in memory tells of everything: the twin of scripts/survey.lua."""

from common.errors import NewerVersion
from common.store.survey import Survey, Surveyed
from common.view import ClusterView
from tests.twins.store.state import KeptCluster, State


def build_survey(state: State, workers: int, now: int) -> Survey:
    ordered = sorted(state.due.items(), key=lambda item: (item[1], str(item[0])))
    kept = [(key, due, state.clusters[key]) for key, due in ordered if key in state.clusters]
    deadlines = state.jobs.deadlines()
    return Survey(
        clusters=tuple(
            Surveyed(key, max(now - due, 0) / 1000, _view(cluster))
            for key, due, cluster in kept
            if cluster.gone_until is None
        ),
        workers=workers,
        unfinished=len(deadlines),
        overdue=sum(at <= now for at in deadlines),
        ended=dict(state.ended),
    )


def _view(cluster: KeptCluster) -> ClusterView | None:
    try:
        cluster.kept.require_known()
    except NewerVersion:
        return None
    return cluster.record.view
