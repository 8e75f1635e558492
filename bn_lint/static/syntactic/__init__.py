"""Facts that a file shows without being interpreted.

Mode accesses, `train` overrides, loops that freeze, statistics that are not registered or switched off, layers that
are left out or that stand in front of BatchNorm.

One walk over the statements finds the candidates; what their names mean is looked up only then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bn_lint.facts import Fact
from bn_lint.project.mentions import CONDITION, CONDITIONAL
from bn_lint.static.syntactic.adjacent import before_batchnorm
from bn_lint.static.syntactic.bias_reads import BiasReads
from bn_lint.static.syntactic.classes import Elsewhere
from bn_lint.static.syntactic.freezing import freeze_loops
from bn_lint.static.syntactic.functional_calls import functional_calls
from bn_lint.static.syntactic.mode_access import mode_accesses
from bn_lint.static.syntactic.plain_statistics import plain_statistics
from bn_lint.static.syntactic.receivers import Receivers
from bn_lint.static.syntactic.skipped import skipped_layers
from bn_lint.static.syntactic.tracking import tracking_switched
from bn_lint.static.syntactic.train_override import train_overrides
from bn_lint.static.syntactic.unused import Mentions, unused_layers
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.scopes import statements

if TYPE_CHECKING:
    from bn_lint.static.syntax.source_files import SourceFile


def syntactic_facts(file: SourceFile, elsewhere: Elsewhere) -> Iterator[Fact]:
    """Find the local facts of one file.

    What its text does not mention is not searched for. Positions are asked for only where some rule may report
    something, and places are left open where it hardly ever does.

    Args:
        elsewhere: Which of the classes that the file imports are modules; asked only for facts that need it.
    """
    module, place, text = file.tree, file.place, file.source.text
    receivers = Receivers(module)
    mentions = Mentions(module, receivers)
    biases = BiasReads(module)
    builds, calls_function = "BatchNorm" in text, "batch_norm(" in text
    skips_layers = builds and any(map(CONDITION.search, CONDITIONAL.findall(text)))
    switches_tracking = "track_running_stats" in text
    for located in statements(module):
        if builds:
            yield from before_batchnorm(located, receivers, biases, file.open_place)
        match located.statement:
            case cst.Expr() | cst.Return():
                yield from mode_accesses(located, receivers, place)
            case cst.Assign() | cst.AnnAssign():
                yield from mode_accesses(located, receivers, place)
                yield from plain_statistics(located, receivers, place)
                if switches_tracking:
                    yield from tracking_switched(located, module, place)
            case cst.For():
                yield from freeze_loops(located, module, receivers, place)
            case cst.ClassDef():
                if calls_function:
                    yield from functional_calls(located, receivers, place)
                if skips_layers:
                    yield from skipped_layers(located, receivers, place)
                if builds:
                    yield from unused_layers(located, mentions, receivers, place)
            case cst.FunctionDef(name=cst.Name(value="train")):
                yield from train_overrides(located, receivers, file, elsewhere)
            case cst.FunctionDef() if builds and ".apply(" in text:
                yield from freeze_loops(located, module, receivers, place)
