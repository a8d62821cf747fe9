"""What one rule of `decide` has to say of one look."""

from dataclasses import dataclass

from common.view import Reason
from worker.core.actions import Action


@dataclass(frozen=True, slots=True)
class Says:
    """What a rule has to say: actions to take now, and reasons why all is not well yet."""

    actions: tuple[Action, ...] = ()
    reasons: tuple[Reason, ...] = ()
