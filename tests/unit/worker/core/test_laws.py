"""The laws of `decide`, over random specs, faults and crashes at any action."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from worker.core import parting, remember, ring
from worker.core.actions import Apply, DeleteReplications, Done, Drain, Fence, Remove, Retire, Serve
from worker.core.decide import decide
from worker.core.memory import Memory, Policy
from worker.core.observed import Platformed

from . import world
from .toy import Toy

POLICY = Policy()
MANY = 400


class Run:
    """The engine over a toy: rounds of decide and apply, the time moving on, the laws looked at after each action."""

    def __init__(self) -> None:
        self.toy = Toy()
        self.memory = Memory()
        self.now = 1_000_000.0
        self.version = 0
        self.spec = world.spec(1)
        self.history: list[str] = []

    def change(self, replicas: int, **more: object) -> None:
        self.spec = replace(self.spec, replicas=replicas, **more)  # type: ignore[arg-type]
        self.version += 1

    def round(self, cut: int | None = None) -> bool:
        """One look and its plan, cut short after `cut` actions if given; whether nothing was left to do."""
        seen = self.toy.observe()
        plan, self.memory = decide(self.spec, seen, self.memory, self.now, version=self.version, policy=POLICY)
        if isinstance(plan, Done):
            return True
        if not isinstance(plan, Apply):
            self.now = max(plan.until, self.now + 0.05)
            return False
        facts = []
        for action in plan.actions[:cut]:
            self.history.append(repr(action))
            self._look_before(action)
            had = self.serving()
            fact = self.toy.do(self.spec, action)
            if fact is not None:
                facts.append((action, fact))
            assert self.serving() or not had or self.spec.deleted, f"the last one was withdrawn: {self.history[-8:]}"
        if cut is None:
            self.memory = remember.carried_out(self.memory, plan.actions, seen)
            self.memory = parting.learned(self.memory, facts, now=self.now)
        self.now += 0.01
        return False

    def settle(self) -> None:
        for _ in range(MANY):
            if self.round():
                return
        raise AssertionError(f"does not settle: {self.history[-12:]}")

    def _look_before(self, action: object) -> None:
        match action:
            case Retire(name, identity, nonce, targets, proofs, _):
                node = self.toy.nodes[name]
                assert identity in self.memory.durable.leavers
                assert node.fence is not None, "retired without a fence"
                assert node.fence.nonce == nonce
                proved = {(p.target, p.database) for p in proofs if p.is_complete}
                needed = {d for d in node.databases if d != "_replicator"}
                assert all({d for t, d in proved if t == target} >= needed for target in targets[:1])
                assert not self._into(name), "retired while something flows in"
            case Fence(name, _):
                assert not self._into(name), "fenced while something flows in"
                assert not self.toy.instances[name].serving, "fenced while it serves"
            case Drain(name, _, _, _):
                assert self.toy.nodes[name].fence is not None, "drained without a fence"
            case Serve(names):
                assert names, "nobody serves"
                assert all(self._may_serve(name) for name in names)
            case Remove():
                assert self.spec.deleted
            case DeleteReplications(_, unwanted):
                assert not self.toy.unread, f"unknown is not empty: {unwanted}"
            case _:
                pass

    def _may_serve(self, name: str) -> bool:
        return self.toy.nodes[name].uuid in self.memory.durable.filled

    def _into(self, name: str) -> list[str]:
        """Who replicates to it and may do so now: what is down pushes nothing."""
        return [
            n
            for n, node in self.toy.nodes.items()
            if n not in self.toy.down and any(r.target == name for r in node.replications)
        ]

    def serving(self) -> set[str]:
        return {name for name, instance in self.toy.instances.items() if instance.serving}

    def links(self) -> set[tuple[str, str]]:
        return {(name, r.target) for name, node in self.toy.nodes.items() for r in node.replications}


def is_strongly_connected(names: set[str], links: set[tuple[str, str]]) -> bool:
    def reached(start: str) -> set[str]:
        seen, todo = {start}, [start]
        while todo:
            at = todo.pop()
            new = {t for s, t in links if s == at and t in names} - seen
            seen |= new
            todo += new
        return seen

    return all(reached(name) == names for name in names)


sizes = st.integers(1, 8)


@given(st.lists(sizes, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_every_size_is_reached_from_every_other_and_then_nothing_is_left_to_do(wanted: list[int]) -> None:
    run = Run()
    for replicas in wanted:
        run.change(replicas)
        run.settle()
        assert len(run.toy.instances) == replicas
        names = set(run.toy.instances)
        expected = {(link.source, link.target) for link in ring.links(names)}
        assert run.links() == expected
        assert all(i.serving for i in run.toy.instances.values())
        assert all(node.fence is None for node in run.toy.nodes.values())
        assert run.round(), "the plan of the planned state is empty"


@given(sizes, sizes, st.lists(st.integers(0, 3), max_size=25))
@settings(max_examples=60, deadline=None)
def test_a_plan_that_is_cut_after_any_action_and_made_again_gets_to_the_same_state(
    before: int, after: int, cuts: list[int]
) -> None:
    run = Run()
    run.change(before)
    run.settle()
    run.change(after)
    for cut in cuts:
        run.round(cut)
    run.settle()
    assert len(run.toy.instances) == after
    assert run.links() == {(link.source, link.target) for link in ring.links(run.toy.instances)}


@given(st.integers(2, 8), sizes, st.lists(st.integers(0, 40), min_size=1, max_size=3), sizes)
@settings(max_examples=60, deadline=None)
def test_a_change_of_mind_in_the_middle_is_as_good_as_none(
    before: int, between: int, rounds: list[int], last: int
) -> None:
    run = Run()
    run.change(before)
    run.settle()
    for count in rounds:
        run.change(between)
        for _ in range(count):
            run.round()
        run.change(before)
    run.change(last)
    run.settle()
    assert len(run.toy.instances) == last
    assert all(node.fence is None for node in run.toy.nodes.values())


@given(st.integers(2, 8), sizes)
@settings(max_examples=40, deadline=None)
def test_survivors_stay_strongly_connected_at_every_step_of_a_scale_down(before: int, after: int) -> None:
    run = Run()
    run.change(before)
    run.settle()
    run.change(min(before, after))
    for _ in range(MANY):
        ended = run.round()
        members = {n for n, i in run.toy.instances.items() if i.identity not in run.memory.durable.leavers}
        assert is_strongly_connected(members, run.links()), run.history[-6:]
        if ended:
            return
    raise AssertionError("does not settle")


@given(st.integers(2, 8), st.data())
@settings(max_examples=60, deadline=None)
def test_those_that_are_up_stay_strongly_connected_whoever_is_down(size: int, data: st.DataObject) -> None:
    """Once they are bridged: a ring of n with k down passes everything on among the other n - k."""
    run = Run()
    run.change(size)
    run.settle()
    down = data.draw(st.sets(st.sampled_from(sorted(run.toy.instances)), max_size=size - 1))
    run.toy.down |= down
    began = run.now
    while run.now < began + POLICY.bridge_after + 5:
        if run.round():
            run.now += 5  # until somebody looks again
    up = set(run.toy.instances) - down
    assert is_strongly_connected(up, run.links()), run.history[-6:]
    run.toy.down.clear()
    run.settle()
    assert run.links() == {(link.source, link.target) for link in ring.links(run.toy.instances)}, "a bridge is left"


faults = st.lists(
    st.tuples(st.sampled_from(["down", "up", "unread", "read", "unlink", "empty", "wait"]), st.integers(0, 7)),
    max_size=12,
)


@given(st.integers(2, 6), st.integers(1, 6), faults, st.integers(0, 6))
@settings(max_examples=120, deadline=None)
def test_faults_between_steps_break_no_law_and_all_is_well_after_them(
    before: int, after: int, events: list[tuple[str, int]], rounds: int
) -> None:
    run = Run()
    run.change(before)
    run.settle()
    run.change(after)
    for kind, at in events:
        disturb(run, kind, at)
        for _ in range(rounds):
            run.round()
    run.toy.down.clear()
    run.toy.unread.clear()
    run.memory = replace(run.memory, durable=replace(run.memory.durable, data_lost_in=None))
    run.settle()
    assert len(run.toy.instances) == after
    assert run.links() == {(link.source, link.target) for link in ring.links(run.toy.instances)}


def disturb(run: Run, kind: str, at: int) -> None:
    names = sorted(run.toy.instances)
    name = names[at % len(names)]
    match kind:
        case "down":
            run.toy.down.add(name)
        case "up":
            run.toy.down.discard(name)
        case "unread":
            run.toy.unread.add(name)
        case "read":
            run.toy.unread.discard(name)
        case "unlink":
            run.toy.nodes[name] = replace(run.toy.nodes[name], replications=())
        case "empty" if len(run.toy.instances) > 2 and name not in run.toy.down:
            others = [n for n in names if n != name and n not in run.toy.down]
            if any(run.toy.nodes[n].uuid in run.memory.durable.filled for n in others):
                run.toy.replace_data(name)
        case _:
            run.now += 61


def test_a_deleted_cluster_ends_from_the_middle_of_a_scale_down() -> None:
    run = Run()
    run.change(5)
    run.settle()
    run.change(2)
    for _ in range(6):
        run.round()
    run.change(2, deleted=True)
    run.settle()
    assert not run.toy.instances
    assert isinstance(run.toy.observe().platform, Platformed)
