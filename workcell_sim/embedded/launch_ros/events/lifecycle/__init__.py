"""Events about lifecycle nodes."""

from ..matchers import matches_node_name
from .change_state import ChangeState
from .state_transition import StateTransition

__all__ = ["ChangeState", "StateTransition", "matches_node_name"]
