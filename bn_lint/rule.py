"""Rules and findings.

A rule is one generator function that takes one fact and yields findings. The annotation of its parameter says which
facts it judges; its docstring is its page (`bn-lint rule CODE`).
"""

from __future__ import annotations

import enum
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import UnionType

from bn_lint.facts import Evidence, Place


class Severity(str, enum.Enum):
    """How sure and how bad. Findings of severity `info` are off by default."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    def __str__(self) -> str:
        return self.value


class Applicability(str, enum.Enum):
    """Whether a fix keeps what the program computes (`safe`) or may change it (`unsafe`)."""

    SAFE = "safe"
    UNSAFE = "unsafe"

    def __str__(self) -> str:
        return self.value


class Confirmation(str, enum.Enum):
    """What a run must have done for a trace to tell whether a static finding is right.

    Where the run did it and no rule found the same in the trace, the finding is refuted.

    Attributes:
        CALL: The BatchNorm layer that the finding speaks of was called, by the way that the evidence shows.
        CONSTRUCTION: The layer was built at the place of the finding.
        MODEL_CALL: The model was called at the place of the finding.
        SWITCH: The mode of the model was switched at the place of the finding.
        TRAINING: The training that the first step of the evidence shows failed. A run that went well refutes nothing.
    """

    CALL = "call"
    CONSTRUCTION = "construction"
    MODEL_CALL = "model call"
    SWITCH = "switch"
    TRAINING = "training"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Edit:
    """Replace the text at `place` by `content`; a line ends in it with a line feed, whatever the file uses."""

    place: Place
    content: str


@dataclass(frozen=True)
class Fix:
    """Edits that belong together: all of them are made, or none.

    They change what must change and nothing around it, so that comments and layout stay.
    """

    applicability: Applicability
    edits: tuple[Edit, ...]

    @property
    def is_safe(self) -> bool:
        return self.applicability is Applicability.SAFE


@dataclass(frozen=True)
class Violation:
    """What a rule yields: the message and where. `severity` None takes the rule's own."""

    message: str
    place: Place
    evidence: tuple[Evidence, ...] = ()
    help: str | None = None
    severity: Severity | None = None
    fix: Fix | None = None


@dataclass(frozen=True)
class Finding:
    """A violation together with the rule that gave it, as reports show it."""

    code: str
    name: str
    severity: Severity
    message: str
    place: Place
    evidence: tuple[Evidence, ...] = ()
    help: str | None = None
    fix: Fix | None = None
    source: str = "static"
    confirmed: bool | None = None
    suppressed: bool = False


@dataclass(frozen=True)
class Thresholds:
    """The numbers that the user may set, for rules that take a second parameter.

    Attributes:
        min_batch_size: The smallest batch that is not reported as tiny, in samples for each device.
    """

    min_batch_size: int = 2


Judge = Callable[..., Iterator[Violation]]


@dataclass(frozen=True)
class Rule:
    """A named judgment over one kind of fact.

    Attributes:
        confirmed_by: What a run must have done for a trace to refute a finding; None when none refutes it.
        same_as: Codes of other rules that may find the same mistake in a run.
        covered_by: Codes of rules whose finding at the same place says all that one of this rule would.
    """

    code: str
    name: str
    severity: Severity
    since: str
    judges: tuple[type, ...]
    judge: Judge = field(repr=False)
    takes_thresholds: bool = False
    confirmed_by: Confirmation | None = None
    same_as: tuple[str, ...] = ()
    covered_by: tuple[str, ...] = ()

    @property
    def page(self) -> str:
        """The rule's documentation, in Markdown."""
        import inspect

        return inspect.getdoc(self.judge) or ""

    @property
    def summary(self) -> str:
        """The page's first line."""
        return self.page.split("\n", 1)[0].strip()

    def findings(
        self, fact: object, source: str = "static", thresholds: Thresholds = Thresholds()
    ) -> Iterator[Finding]:
        """Judge one fact of a type named in `judges`."""
        for violation in self.judge(fact, thresholds) if self.takes_thresholds else self.judge(fact):
            yield Finding(
                self.code,
                self.name,
                violation.severity or self.severity,
                violation.message,
                violation.place,
                violation.evidence,
                violation.help,
                violation.fix,
                source,
            )


def rule(
    code: str,
    name: str,
    *,
    severity: Severity,
    since: str,
    confirmed_by: Confirmation | None = None,
    same_as: tuple[str, ...] = (),
    covered_by: tuple[str, ...] = (),
) -> Callable[[Judge], Rule]:
    """Make a rule of a generator function `(fact: SomeFact) -> Iterator[Violation]`.

    The function may take a second parameter, annotated with `Thresholds`.

    Args:
        confirmed_by: What a run must have done for a trace to tell whether a static finding is right. Without it a
            trace may confirm the finding, and never refutes it.
        same_as: Codes of other rules that may find the same mistake in a run.
        covered_by: Codes of rules whose finding at the same place says all that one of this rule would: it alone is
            reported.

    Raises:
        TypeError: the function's first parameter is not annotated with a fact type.
    """

    def decorate(judge: Judge) -> Rule:
        hints = [kind for key, kind in typing.get_type_hints(judge).items() if key != "return"]
        takes_thresholds = hints[1:] == [Thresholds]
        if len(hints) != 1 and not takes_thresholds:
            raise TypeError(f"rule {code}: annotate exactly one parameter with the facts it judges")
        union = typing.get_origin(hints[0]) in (typing.Union, UnionType)
        judges = typing.get_args(hints[0]) if union else (hints[0],)
        return Rule(code, name, severity, since, judges, judge, takes_thresholds, confirmed_by, same_as, covered_by)

    return decorate
