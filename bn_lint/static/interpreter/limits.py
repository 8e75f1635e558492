"""How much of a value the interpreter follows.

These bound work: what is larger is unknown, if nothing else is said here. `tests/static/bounds.md` shows them, and
`programs.md` the samples; `limits.md` shows how many steps a program gets, and `loops.md` the passes of loops.
"""

from __future__ import annotations

from typing import Final

#: Elements of a range that a loop runs over, of `itertools.repeat` and of `itertools.product`.
MAX_ITEMS: Final = 4096
#: Elements of a list that Python itself has computed, such as those of `str.split`.
MAX_COMPUTED: Final = 10_000
#: Elements of a sequence, and letters of a text.
MAX_LENGTH: Final = 20_000
#: Parts of a value, with those within them, that are compared, hashed or printed, and how deep one may lie.
MAX_PARTS: Final = 50_000
MAX_NESTING: Final = 100
#: Exponents, and bits that a number is shifted by.
MAX_POWER: Final = 256
#: Bits of a number.
MAX_BITS: Final = 1024
#: Letters of a regular expression of the program.
MAX_PATTERN: Final = 500
#: Letters, elements or bits that a function of Python gives, and ways to match that a regular expression tries.
MAX_EFFORT: Final = 1_000_000

#: Classes that a class inherits from; of one that has more, not all bases are known.
MAX_ANCESTORS: Final = 100

#: Values that a name may have after branches.
MAX_ALTERNATIVES: Final = 4
#: Modules that a name may have after branches, objects that have one, such as trainers, or functions and classes that
#: make them: `if args.net == ...`.
MAX_MODULES: Final = 64
#: Such functions and classes that are called where any of them may be meant. For modes, one is as good as another.
MAX_CALLED: Final = 8
#: Samples of the children of a container, of which branches have different ones.
MAX_SAMPLES: Final = 8
#: Samples of what follows in a sequence where branches have different values, none of which is called: "Sequences that
#: branches make longer" in `limits.md`.
MAX_JOINED_SAMPLES: Final = 64

#: Elements that an unknown position is taken to mean any of.
MAX_READ_ELEMENTS: Final = 64
#: Letters of a text that `eval` is given.
MAX_EVALUATED_TEXT: Final = 200
#: Entries that an unknown key is taken to mean any of, when one is read.
MAX_READ_ENTRIES: Final = 4
#: Entries that an unknown key is taken to replace any of. Those of larger tables are forgotten.
MAX_REPLACED_ENTRIES: Final = 60

#: Passes of a loop over numbers, or while a known condition holds, that are run one by one if something happens in them
#: that matters to the domain. The others are run like those of a loop of unknown length, of which two stand for all.
UNROLLED_PASSES: Final = 3
#: Steps of a loop or a comprehension in which no module is made and nothing happens to models, in all of its runs; what
#: it has left to run over is not known then: "A loop over data" in `limits.md`.
LOOP_STEPS: Final = 20_000
#: The same once all such loops have taken as many, or the entry point `PATIENCE` steps: there are more of them, and
#: little is left.
LATER_LOOP_STEPS: Final = 2_000
#: Steps that a loop in which models are called takes in all of its runs, once the entry point has taken `PATIENCE`
#: steps: half of them once it has taken twice as many, and so on; and twice as many if modules are made in it. It goes
#: through data, subjects or settings, and what it has left is run like a loop of unknown length: "A loop that calls
#: models again and again" in `limits.md`.
BUSY_STEPS: Final = 10_000
#: Passes that such a loop has left at least: one over two phases is run as it is.
BUSY_PASSES: Final = 2
#: Passes of `while True` that are run one by one.
ENDLESS_PASSES: Final = 64
#: The steps of these in which no module is made and nothing happens to models: "A generator that never ends" in
#: `loops.md`.
ENDLESS_STEPS: Final = 500
#: Passes of a `while` loop whose condition is known. What they have changed is unknown then.
MAX_PASSES: Final = 2000
#: Steps of a decorator. What longer ones give is unknown, unless their code shows that it is what they are given.
DECORATOR_STEPS: Final = 600

#: Statements and calls that one entry point may execute: "A branch that uses up the budget" in `limits.md`.
MAX_STEPS: Final = 120_000
#: Entry points of files that are analyzed together and that used up their steps. Those that follow are given half as
#: many whenever so many more did, and so many times at most: they are mostly copies of one program.
EXHAUSTED: Final = 2
HALVINGS: Final = 4
#: Elements or letters that are copied in the time of one step. Those that the engine looks at one by one count as ten.
ELEMENTS_PER_STEP: Final = 1_000
#: Each time that so many steps were taken, a call that took half of them is given up if no model was used in it. When
#: all are used up, it may have taken them in several calls; so many more are given to what follows: "A call that has
#: nothing to do with BatchNorm" in `limits.md`.
PATIENCE: Final = 40_000
#: Steps of a call of a function that was given up before; half of it the next time, and so on, so many times.
RETRY_STEPS: Final = 2_000
RETRIES: Final = 4
#: The same for a function whose calls took half of `PATIENCE` together, once the entry point has taken that.
LATER_STEPS: Final = 200
#: Steps that giving a call up counts as at least: what it may have changed is looked for in all that it reaches, so a
#: function or object in reach counts as two more. A function that was given up too often is given up wherever it is
#: called.
ABORT_STEPS: Final = 10
#: Steps of the `train` of a model that is only tried.
TRAIN_STEPS: Final = 5_000
#: Steps that all entry points of one file may take together: `tests/test_explain.py`.
STEPS_PER_FILE: Final = 500_000
#: The same for all files that are analyzed together. The largest released package of models takes three million.
STEPS_PER_UNIT: Final = 5_000_000
#: Command lines with which a program is run once more: `tests/static/options.md`.
MAX_COMMAND_LINES: Final = 4
#: Entries of a table from which an option chooses, and how many of them are tried that an option may choose.
MAX_TABLE: Final = 100
MAX_MODELS_TRIED: Final = 2

#: Objects that one entry point copies with the results of calls that are not executed again.
MAX_COPIES: Final = 150_000
#: Calls of models, changes of mode and optimizer steps of one entry point.
MAX_EVENTS: Final = 5_000
#: Nodes that are looked at to follow what becomes of results of models in the statements around their calls.
MAX_FOLLOWED: Final = 1_000_000
#: Nested calls of functions of the program.
MAX_DEPTH: Final = 60
#: The same function within itself, with known arguments, and with unknown ones, which may never reach an end: not at
#: all with these once the entry point has taken `PATIENCE` steps: "A search that calls itself" in `limits.md`.
MAX_RECURSION: Final = 8
MAX_BLIND_RECURSION: Final = 1

#: A call that is given up, and that leads to more functions or objects than this, may do anything.
MAX_REACHED_FUNCTIONS: Final = 400
MAX_REACHED_OBJECTS: Final = 2000

#: Nested containers and entries of an argument by which a call is remembered. A list may contain itself.
MAX_KEY_DEPTH: Final = 6
MAX_KEY_ENTRIES: Final = 60

#: Model zoos define hundreds of factories over the same classes. After this many in a row that take no branch and lead
#: to no BatchNorm call that was not seen before, the remaining ones of the file are not called.
IDLE_FACTORIES = 3
#: The same, as long as none of the file showed any BatchNorm.
BLANK_FACTORIES = 2
