"""The mutants that are wrong beyond doubt: their model raises when it is run, while the original does not."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.mutation.forks import forked
from benchmarks.mutation.libraries import Library, Recipe
from benchmarks.mutation.mutants import Mutant, control, mutants, plan
from benchmarks.mutation.run import Outcome, changed, prepare, run, watched
from benchmarks.mutation.sites import Recorder, Site
from benchmarks.sources import cache

#: Seconds that one model may take, its import included.
LIMIT = 90.0
#: Models that are run for one mutant until one of them raises.
MODELS = 3
#: For each of so many mutants, the same call once more with a change that changes nothing.
MUTANTS_PER_CONTROL = 4


@dataclass(frozen=True)
class Case:
    """A change, with the model that shows what it does.

    Attributes:
        recipe: The expression that builds the model.
        error: What running it raises; empty for a control, which runs.
    """

    mutant: Mutant
    recipe: str
    error: str


@dataclass
class Truth:
    """What was found out about one library.

    Attributes:
        sites: Constructor calls that executed.
        tried: Mutants that were run.
        failed: The recipes that do not even run unchanged, with the reason.
    """

    library: str
    sites: int
    tried: int
    seconds: float
    mutants: list[Case]
    controls: list[Case]
    failed: dict[str, str]


def truth(library: Library, *, wanted: int, seed: int, jobs: int) -> Truth:
    """Returns the mutants of a library, from the cache where they have been made before."""
    path = cache() / "mutation" / f"{library.name}-{library.version}-{wanted}-{seed}-{_fingerprint(library)}.json"
    if path.is_file():
        return _read(path)
    # In a fork, for what a library imports and declares is in the way of the next one.
    (made,) = forked([partial(_mine, library, wanted, seed, jobs)], jobs=1, limit=3600.0)
    if made is None:
        raise RuntimeError(f"{library.name} could not be mutated: the process died")
    if not made.sites:
        why = next(iter(made.failed.values()), "no model has BatchNorm")
        raise RuntimeError(f"{library.name} could not be mutated: {why} (see benchmarks/mutation/requirements.txt)")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dataclasses.asdict(made), indent=1), encoding="utf-8")
    return made


def _fingerprint(library: Library) -> str:
    """Of what decides about the mutants of a library: its recipes, and the code here."""
    folder = Path(__file__).parent
    code = b"".join((folder / f"{name}.py").read_bytes() for name in ("mutants", "run", "sites", "truth"))
    return hashlib.sha256(code + repr(library).encode()).hexdigest()[:12]


def _read(path: Path) -> Truth:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))

    def cases(name: str) -> list[Case]:
        found = []
        for each in document.pop(name):
            fields = dict(each["mutant"], span=tuple(each["mutant"]["span"]), stack=tuple(each["mutant"]["stack"]))
            found.append(Case(Mutant(**fields), each["recipe"], each["error"]))
        return found

    return Truth(mutants=cases("mutants"), controls=cases("controls"), **document)


def _mine(library: Library, wanted: int, seed: int, jobs: int) -> Truth:
    begin = time.monotonic()
    prepare(library)
    (recorded,) = forked([partial(_record_all, library, jobs)], jobs=1, limit=3600.0)
    assert recorded is not None
    sites, models, failed = recorded
    rng = random.Random(f"{library.name} {seed}")
    sources = {site.path: (library.folder() / site.path).read_bytes() for site in sites}
    order = plan((group for site in sites for group in mutants(site, sources[site.path], rng)), rng)
    owners = {id(mutant): _owner(mutant, sites, models) for mutant in order}
    kept: list[Case] = []
    tried = 0
    for case in forked([partial(_try, library, m, owners[id(m)][1]) for m in order], jobs=jobs, limit=LIMIT * MODELS):
        tried += 1
        if case is not None:
            kept.append(case)
        if len(kept) == wanted:
            break
    chosen = {id(o[0]): o for c in kept[::MUTANTS_PER_CONTROL] for o in [_owner(c.mutant, sites, models)]}
    tasks = [partial(_try_control, library, control(s, sources[s.path]), r) for s, r in chosen.values()]
    controls = [case for case in forked(tasks, jobs=jobs, limit=LIMIT) if case is not None]
    return Truth(library.name, len(sites), tried, round(time.monotonic() - begin, 1), kept, controls, failed)


def _owner(mutant: Mutant, sites: list[Site], models: list[list[Recipe]]) -> tuple[Site, list[Recipe]]:
    """The site that a mutant changes, with the models that execute it."""
    line, column, *_ = mutant.span
    for site, recipes in zip(sites, models):
        inside = site.span[:2] <= (line, column) < site.span[2:]
        if site.path == mutant.path and inside and (mutant.operator == "variant" or _within(mutant.span, site)):
            return site, recipes
    raise AssertionError(mutant)


def _within(span: tuple[int, int, int, int], site: Site) -> bool:
    return site.width[:2] <= span[:2] and span[2:] <= site.width[2:]


def _record_all(library: Library, jobs: int) -> tuple[list[Site], list[list[Recipe]], dict[str, str]]:
    """The sites of all models, for each the models that execute it (the quickest first), and the models that fail."""
    run(library, Recipe("None", ()))  # imports the package once for all
    sites: dict[tuple[str, tuple[int, ...]], Site] = {}
    models: dict[tuple[str, tuple[int, ...]], list[tuple[float, Recipe]]] = {}
    failed: dict[str, str] = {}
    records = forked([partial(_record, library, recipe) for recipe in library.recipes], jobs=jobs, limit=LIMIT)
    for recipe, record in zip(library.recipes, records):
        outcome, seconds, found = record or (Outcome("timeout"), LIMIT, [])
        if outcome.stage != "ok":
            failed[recipe.expression] = f"{outcome.stage}: {outcome.error}"
            continue
        for site in found:
            known = sites.setdefault((site.path, site.span), site)
            known.parameters += [name for name in site.parameters if name not in known.parameters]
            known.stack += [path for path in site.stack if path not in known.stack and len(known.stack) < 12]
            models.setdefault((site.path, site.span), []).append((seconds, recipe))
    order = sorted(sites)
    quickest = [[recipe for _, recipe in sorted(models[key], key=lambda pair: pair[0])] for key in order]
    return [sites[key] for key in order], quickest, failed


def _record(library: Library, recipe: Recipe) -> tuple[Outcome, float, list[Site]]:
    recorder = Recorder(library.folder())
    begin = time.process_time()
    with watched(recorder.notice):
        outcome = run(library, recipe)
    return outcome, time.process_time() - begin, list(recorder.sites.values())


def _try(library: Library, mutant: Mutant, recipes: list[Recipe]) -> Case | None:
    """The case, if the forward pass of one of the models raises."""
    path = library.folder() / mutant.path
    with changed(path, mutant.apply(path.read_bytes())):
        for recipe in recipes[:MODELS]:
            outcome = run(library, recipe)
            if outcome.stage == "forward":
                return Case(mutant, recipe.expression, outcome.error)
    return None


def _try_control(library: Library, mutant: Mutant | None, recipes: list[Recipe]) -> Case | None:
    if mutant is None:
        return None
    path = library.folder() / mutant.path
    with changed(path, mutant.apply(path.read_bytes())):
        outcome = run(library, recipes[0])
    return Case(mutant, recipes[0].expression, "") if outcome.stage == "ok" else None
