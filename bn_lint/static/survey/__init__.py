"""Facts that a file shows without being interpreted: mode accesses, `train` overrides, loops that freeze, statistics.

One walk over the statements finds the candidates; what their names mean is looked up only then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import libcst as cst

from bn_lint.facts import FreezeLoop, ModeAccess, Place, PlainStatistics, TrainOverride
from bn_lint.static.scopes import statements
from bn_lint.static.survey.freezing import freeze_loops
from bn_lint.static.survey.mode_access import mode_accesses
from bn_lint.static.survey.receivers import Receivers
from bn_lint.static.survey.statistics import plain_statistics
from bn_lint.static.survey.train_override import train_overrides


def survey(
    module: cst.Module, place: Callable[[cst.CSTNode], Place]
) -> Iterator[ModeAccess | TrainOverride | PlainStatistics | FreezeLoop]:
    """Find the local facts of one file.

    Args:
        module: The file's syntax tree.
        place: Where a node stands. It is called only for nodes of facts that some rule may report.
    """
    receivers = Receivers(module)
    for located in statements(module):
        match located.statement:
            case cst.Expr() | cst.Return():
                yield from mode_accesses(located, receivers, place)
            case cst.Assign() | cst.AnnAssign():
                yield from mode_accesses(located, receivers, place)
                yield from plain_statistics(located, receivers, place)
            case cst.For():
                yield from freeze_loops(located, receivers, place)
            case cst.FunctionDef(name=cst.Name(value="train")):
                yield from train_overrides(located, receivers, place)
