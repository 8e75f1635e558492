"""The program's own regular expressions."""

REGULAR_EXPRESSIONS = {
    "nested-quantifier": 'X = re.match(r"(a+)+$", "a" * 40 + "b")\n',
    "nested-quantifier-compiled": 'X = re.compile(r"^(\\w+\\s?)*$").match("' + "a" * 46 + '!")\n',
    "nested-quantifier-sub": 'X = re.sub(r"(x+x+)+y", "", "x" * 40)\n',
    "bounded-repeats": 'X = re.compile("(?:" * 90 + "a" + "{1,60000}){1,60000}" * 45)\n',
    "growing-sub": 'X = re.sub("a", "b" * 20000, "a" * 20000)\nX = re.sub("b", "c" * 20000, X)\n',
    "split-everywhere": 'X = re.split("", "a" * 20000)\n',
}
