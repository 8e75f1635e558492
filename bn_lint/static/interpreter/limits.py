"""How much of a value the interpreter follows.

These bound work: what is larger is unknown, if nothing else is said here. `tests/static/bounds.md` shows them, and
`programs.md` the samples. How many steps a program gets stands in `interpreter.py`; `limits.md` shows that.
"""

from __future__ import annotations

#: Elements of a range that a loop runs over, of `itertools.repeat` and of `itertools.product`.
MAX_ITEMS = 4096
#: Elements of a list that Python itself has computed, such as those of `str.split`.
MAX_COMPUTED = 10_000
#: Elements of a sequence, and letters of a text, that is repeated: `[0] * n`.
MAX_REPEATED = 20_000
#: Exponents, and bits that a number is shifted by.
MAX_POWER = 256

#: Values that a name may have after branches; of models, the last one of each class is kept.
MAX_ALTERNATIVES = 4
#: Samples of the children of a container, of which branches have different ones.
MAX_SAMPLES = 8

#: Elements that an unknown position is taken to mean any of.
MAX_READ_ELEMENTS = 64
#: Entries that an unknown key is taken to mean any of, when one is read.
MAX_READ_ENTRIES = 4
#: Entries that an unknown key is taken to replace any of. Those of larger tables are forgotten.
MAX_REPLACED_ENTRIES = 60

#: Passes of a loop over numbers, or while a known condition holds, that are run one by one if something happens in them
#: that matters to the domain. The others are run like those of a loop of unknown length, of which two stand for all.
UNROLLED_PASSES = 3
#: Passes of a `while` loop whose condition is known. What they have changed is unknown then.
MAX_PASSES = 2000
#: Steps of a decorator. What longer ones give is unknown, unless their code shows that it is what they are given.
DECORATOR_STEPS = 600
