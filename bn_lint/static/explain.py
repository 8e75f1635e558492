"""What became of the BatchNorm in one file: which entry points reached it, or why none did.

For `bn-lint check --explain FILE:LINE`. The analysis is the usual one, with somebody who watches its entry points.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bn_lint.facts import Analysis, BatchNormCall, Evidence, Mode, ModelCall, Place
from bn_lint.facts.layers import Shape
from bn_lint.project.filesystem import RecordingFileSystem
from bn_lint.project.paths import display_path
from bn_lint.project.source import Source
from bn_lint.static.analyze import Analyzer
from bn_lint.static.entry_points import Ending, Run, definitions_in
from bn_lint.static.interpreter.values import Class, Function
from bn_lint.static.options import Hidden, hidden_behind
from bn_lint.static.syntactic.survey import batchnorm_calls
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.source_files import ParseError, SourceFile
from bn_lint.static.torch_model.watchers import events_of
from bn_lint.static.undisturbed import undisturbed

#: Of the calls of one layer, so many are told.
_MOST_CALLS = 5
#: Source text is shown up to this many characters.
_LONGEST = 60

_MODES: dict[frozenset[bool | None], str] = {
    frozenset({True}): "in training mode",
    frozenset({False}): "in evaluation mode",
    frozenset({True, False}): "with some BatchNorm layers in training mode and some in evaluation mode",
}


@dataclass(frozen=True)
class Subject:
    """Something that can be asked about.

    Attributes:
        kind: `layer` for what builds a BatchNorm layer, `model call`, `layer call`, or `definition`.
        text: As it is written.
        told: What became of it, step by step.
    """

    kind: str
    text: str
    place: Place
    told: tuple[Evidence, ...]


def explain(
    sources: Sequence[Source], context: Sequence[Path], filesystem: RecordingFileSystem, path: Path
) -> tuple[Analysis, list[Subject]]:
    """Derive the facts of sources as `analyze` does, and tell what became of one of the files."""

    def watched() -> tuple[Analysis, list[Subject]]:
        account = _Account(sources, context, filesystem, path)
        analysis = account.analyzer.analyze()
        return analysis, [analysis.complete(subject) for subject in account.subjects()]

    return undisturbed(watched)


class _Account:
    """Watches an analysis for one of its files. Places in other files are worked out only when they are told."""

    def __init__(
        self, sources: Sequence[Source], context: Sequence[Path], filesystem: RecordingFileSystem, path: Path
    ) -> None:
        self.path = path
        self.display = display_path(path)
        self.analyzer = Analyzer(sources, context, filesystem, watch=self._ran)
        self.collector = self.analyzer.collector
        #: Which entry point was the first to build layers at a place.
        self._built: dict[cst.CSTNode, Run] = {}
        #: Calls of layers that are built or called in the file, and the entry points that were the first to show them.
        self._layer_calls: list[tuple[BatchNormCall, Run]] = []
        #: What became of the calls of models in the file.
        self._model_calls: dict[cst.CSTNode, list[Evidence]] = {}

    def _ran(self, run: Run) -> None:
        """Note what an entry point did, while its events are at hand."""
        for node in self.collector.notes.sites:
            self._built.setdefault(node, run)
        models: dict[Place, ModelCall] = {}
        for fact in run.facts:
            if isinstance(fact, BatchNormCall) and self.display in (fact.place.path, fact.layer.built.path):
                self._layer_calls.append((fact, run))
            elif isinstance(fact, ModelCall) and fact.place.path == self.display:
                models.setdefault(fact.place, fact)
        for call in events_of(self.analyzer.interpreter).calls if run.ending is not Ending.NOT_RUN else ():
            if call.ref.file.path != self.path:
                continue
            steps = self._model_calls.setdefault(call.ref.node, [])
            place = call.ref.place
            told = [Evidence(f"called {_mode(call.states)}{_gradients(call.grad)}", place), _entered(run)]
            judged, checked = models.get(place), call.checked
            if judged is not None and judged.because is not None:
                told.append(judged.because)
            if checked is not None and checked.purpose is not None:
                told.append(Evidence(f"checked: the call counts as {checked.purpose}", place))
            elif checked is not None:
                told.append(Evidence(f"not checked: {checked.reason}", place))
            steps += [each for each in told if each not in steps]

    # -- what can be asked about ----------------------------------------------------------------------------------

    def subjects(self) -> Iterator[Subject]:
        """All that can be asked about in the file."""
        file = self.analyzer.project.files.get(self.path)
        if file is None:
            return
        try:
            tree = file.tree
        except ParseError:
            return
        yield from self._layers(file)
        calls: dict[Place, list[tuple[BatchNormCall, Run]]] = {}
        for call, run in self._layer_calls:
            if call.place.path == self.display and not self._is_own_call(call):
                calls.setdefault(call.place, []).append((call, run))
        for place, shown in calls.items():
            told = dict.fromkeys(step for call, run in shown[:_MOST_CALLS] for step in self._way_to(call, run))
            yield Subject("layer call", shown[0][0].layer.name, place, tuple(told))
        for node, steps in self._model_calls.items():
            if not isinstance(node, (cst.ClassDef, cst.FunctionDef, cst.Module)):
                yield Subject("model call", _text(file, node), file.place(node), tuple(steps))
        for node in definitions_in(tree):
            place = file.place(node.name)
            yield Subject("definition", node.name.value, place, tuple(self._definition(file, node, None)))

    def _layers(self, file: SourceFile) -> Iterator[Subject]:
        nodes: dict[cst.CSTNode, None] = dict.fromkeys(
            node for node, site in self.collector.notes.sites.items() if site.ref.file is file
        )
        nodes.update(dict.fromkeys(batchnorm_calls(file.tree)))
        hidden = hidden_behind(file.tree, set(nodes))
        for node in nodes:
            place = file.place(node)
            reached = self._built.get(node)
            if reached is None:
                told = list(self._unreached(file, node, hidden.get(node)))
            else:
                told = list(self._reached(file, node, place, reached))
            yield Subject("layer", _text(file, node), place, tuple(dict.fromkeys(told)))

    def _reached(self, file: SourceFile, node: cst.CSTNode, place: Place, run: Run) -> Iterator[Evidence]:
        yield _entered(run)
        calls = [
            (call, first)
            for call, first in self._layer_calls
            if call.layer.built.path == self.display and self._closed(call.layer.built) == place
        ]
        for call, first in calls[:_MOST_CALLS]:
            yield from self._way_to(call, first)
        if len(calls) > _MOST_CALLS:
            yield Evidence(f"and {len(calls) - _MOST_CALLS} more calls that differ from these", place)
        site = self.collector.notes.sites.get(node)
        if site is not None and site.judged:
            yield Evidence("checked: its width was compared with the channels of its input", place)
        elif site is not None and site.called:
            yield Evidence(f"not checked: {site.reason}", place)
        else:
            yield Evidence("not checked: no call of the layer is visible", place)
            if run.ending is not Ending.FINISHED:
                yield Evidence(run.ending.value, run.entry.place)

    def _way_to(self, call: BatchNormCall, run: Run) -> Iterator[Evidence]:
        yield _entered(run)
        yield from call.path
        yield self._called(call)

    def _called(self, call: BatchNormCall) -> Evidence:
        layer = call.layer
        width = "a width that is not known" if layer.num_features is None else f"{layer.num_features} channels"
        how = "called by bn-lint, as no call is visible," if self._is_own_call(call) else "called"
        mode = "" if call.mode is None else f"; {_mode({call.mode is Mode.TRAINING})}"
        return Evidence(f"{how} on an input of {_shape(call.shape)}; the layer has {width}{mode}", call.place)

    def _closed(self, place: Place) -> Place:
        """A place with its position, which only equal places of one extent share."""
        file = next(file for file in self.analyzer.project.files.values() if file and file.display == place.path)
        return file.closed(place)

    def _is_own_call(self, call: BatchNormCall) -> bool:
        """Whether the analysis made the call, at the place of the constructor or of an entry point."""
        built = call.layer.built
        if self._closed(call.place) == self._closed(built):
            return True
        runs = (run for run in self.analyzer.runs if run.entry.file.display == call.place.path)
        return any(run.entry.place == self._closed(call.place) for run in runs)

    # -- what was not reached -------------------------------------------------------------------------------------

    def _unreached(self, file: SourceFile, node: cst.CSTNode, hidden: Hidden | None) -> Iterator[Evidence]:
        place = file.place(node)
        if node in self.collector.notes.missing:
            yield Evidence("PyTorch has no layer of this name", place)
            return
        yield Evidence("not checked: no entry point reached it", place)
        if hidden is not None:
            yield from self._definition(file, hidden.definition, hidden.method)
            if hidden.names:
                names = ", ".join(f"`{name}`" for name in sorted(hidden.names))
                yield Evidence(f"a condition around it asks about {names}", place)
        else:
            yield from self._module(file)

    def _definition(
        self, file: SourceFile, node: cst.ClassDef | cst.FunctionDef, method: str | None
    ) -> Iterator[Evidence]:
        """Whether a definition was run, and why, or why not."""
        place, name = file.place(node.name), node.name.value
        found = self._found(node)
        if found is None:
            yield from self._module(file)
            yield Evidence(f"`{name}` was not defined when the file was run", place)
            return
        runs = [run for run in self.analyzer.runs if run.entry.definition is found]
        yield from map(_entered, runs)
        if isinstance(found, Class) and found.instantiated and not runs:
            yield Evidence(f"other code makes instances of `{name}`, and these are checked", place)
        elif isinstance(found, Function) and found.called and not runs:
            yield Evidence(f"other code calls `{name}`", place)
        elif not runs:
            yield Evidence(f"`{name}` was not run: {self._why_not(file, found)}", place)
        own = found.cells.get(method) if isinstance(found, Class) and method is not None else None
        if isinstance(own, Function):
            yield Evidence(f"`{method}` was {'called' if own.called else 'not called'}", file.place(own.node))

    def _why_not(self, file: SourceFile, found: Class | Function) -> str:
        schedule = self.analyzer.schedule
        if file not in schedule.interpreted:
            return "its file does not mention BatchNorm, and the definition uses nothing that does"
        if found.node not in schedule.relevant:
            return "neither it nor what it uses names BatchNorm"
        if isinstance(found, Class) and not found.is_module:
            return "it is no module, and nothing makes one"
        if found.node in schedule.skipped:
            return "the functions before it that differ in constants only showed nothing new"
        return "nothing calls it"

    def _found(self, node: cst.CSTNode) -> Class | Function | None:
        known: Iterator[Class | Function] = iter((*self.collector.classes, *self.collector.functions))
        return next((each for each in known if each.node is node), None)

    def _module(self, file: SourceFile) -> Iterator[Evidence]:
        runs = [run for run in self.analyzer.runs if run.entry.definition is file]
        yield from map(_entered, runs)
        if not runs:
            yield Evidence(
                "the file was not run on its own: it names nothing of BatchNorm", Place(file.display, 1, 1, 1, 1)
            )


def _entered(run: Run) -> Evidence:
    entry = run.entry
    what = "the file" if isinstance(entry.definition, SourceFile) else f"`{entry.name}`"
    given = f", {entry.given}" if entry.given else ""
    steps = f" in {run.steps:,} steps" if run.steps else ""
    return Evidence(f"{what} was run{given}, because {entry.reason.value}; {run.ending.value}{steps}", entry.place)


def _shape(shape: Shape | None) -> str:
    if shape is None:
        return "an unknown shape"
    sizes = ["?" if axis.size is None else str(axis.size) for axis in shape.axes]
    return f"({', '.join(sizes if shape.ranked else ['...', *sizes])})"


def _mode(states: Collection[bool | None]) -> str:
    return _MODES.get(frozenset(states), "in an unknown mode") if states else "with no visible BatchNorm layer"


def _gradients(grad: bool | None) -> str:
    return {True: ", with gradients", False: ", without gradients", None: ""}[grad]


def _text(file: SourceFile, node: cst.CSTNode) -> str:
    text = " ".join(file.text(node).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
