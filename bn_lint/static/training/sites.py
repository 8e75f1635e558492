"""The places that build BatchNorm layers, and what became of each."""

from __future__ import annotations

from collections.abc import Iterable

from bn_lint.facts import Coverage, Undecided
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_files import SourceFile


class Site:
    """One place that builds BatchNorm layers, and what became of them."""

    def __init__(self, ref: NodeRef) -> None:
        self.ref = ref
        self.called = False
        self.judged = False
        #: Whether some call told if the width fits; what is given as opaque numbers never does.
        self.settled = False
        self.reason = ""

    def take(self, *, called: bool, judged: bool, settled: bool, reason: str) -> None:
        """Take in what became of them in one turn."""
        self.called |= called
        self.settled |= settled
        if called and not self.judged and not judged:
            self.reason = reason
        self.judged |= judged


def coverage(sites: Iterable[Site], unreached: Iterable[NodeRef], judged_files: set[SourceFile]) -> Coverage:
    """How many of the places in the judged files were judged, and why the others were not."""
    result = Coverage()
    for site in sites:
        if site.ref.file not in judged_files:
            continue
        if site.judged:
            result.judged += 1
        else:
            reason = site.reason if site.called else "no call of the layer is visible"
            result.undecided.append(Undecided(site.ref.place, reason))
    for ref in unreached:
        result.undecided.append(Undecided(ref.place, "the code that builds it is not reached"))
    return result
