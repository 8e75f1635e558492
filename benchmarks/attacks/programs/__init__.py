"""The attacks by kind."""

from collections.abc import Mapping

from benchmarks.attacks.attack import Attack
from benchmarks.attacks.programs import control, layout, numbers, regular_expressions, sequences, sizes, texts

_KINDS: dict[str, Mapping[str, str]] = {
    "regular expressions": regular_expressions.REGULAR_EXPRESSIONS,
    "integers": numbers.INTEGERS,
    "texts": texts.TEXTS,
    "widths": texts.WIDTHS,
    "sequences": sequences.SEQUENCES,
    "nested values": sequences.NESTED,
    "ranges": sequences.RANGES,
    "loops and branches": control.LOOPS,
    "calls": control.CALLS,
    "conditions": control.CONDITIONS,
    "classes": control.CLASSES,
    "polynomials": sizes.POLYNOMIALS,
    "messages": sizes.MESSAGES,
    "tensors": sizes.TENSORS,
    "nesting": layout.NESTING,
    "chains": layout.CHAINS,
    "lexical": layout.LEXICAL,
    "size": layout.SIZE,
}

ATTACKS = [Attack(f"{kind}: {name}", kind, text) for kind, texts in _KINDS.items() for name, text in texts.items()]
