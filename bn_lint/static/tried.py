"""What bn-lint makes itself, to see what is in it: what the program says of it where it makes it, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bn_lint.facts import BatchNormBuilt, Fact


def as_the_program_makes_them(facts: Sequence[Fact]) -> Iterator[Fact]:
    """The facts; layers that the program makes for evaluation alone are so where bn-lint made them, too."""
    built = [fact for fact in facts if type(fact) is BatchNormBuilt and not fact.is_tried]
    for_evaluation = {fact.place for fact in built if fact.stays_in_eval}
    for_evaluation -= {fact.place for fact in built if not fact.stays_in_eval}
    for fact in facts:
        if type(fact) is BatchNormBuilt and fact.is_tried and fact.place in for_evaluation:
            yield replace(fact, stays_in_eval=True)
        else:
            yield fact
