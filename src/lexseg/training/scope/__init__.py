"""What a model has learnt, judged by itself: how its scope is fitted after training."""

from lexseg.training.scope.fit import ScopeReport, fit_scope
from lexseg.training.scope.worlds import ScopeWorld, scope_worlds

__all__ = ["ScopeReport", "ScopeWorld", "fit_scope", "scope_worlds"]
