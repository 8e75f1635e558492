"""What the text looks like: nesting, chains, blanks, and mere size."""

from benchmarks.attacks.attack import nested

_MANY = range(20_000)


def _within(opening: str, closing: str, times: int) -> str:
    return f"X = {opening * times}1{closing * times}\n"


NESTING = {
    "parentheses": _within("(", ")", 5000),
    "calls": _within("f(", ")", 5000),
    "calls-just-allowed": _within("f(", ")", 198),
    "unary": "X = " + "-" * 5000 + "1\n",
    "unary-with-blanks": "X = " + "- " * 2400 + "1\n",
    "not": "X = " + "not " * 5000 + "1\n",
    "lambda": "X = " + "lambda: " * 3000 + "1\n",
    "conditional": "X = " + "1 if a else " * 3000 + "1\n",
    "if": nested(["if a:"] * 95, "pass"),
    "if-too-deep": nested(["if a:"] * 500, "pass"),
    "elif": "if a == 0: pass\n" + "".join(f"elif a == {i}: x = {i}\n" for i in range(5000)),
    "def": nested([f"def f{i}():" for i in range(95)], "return nn.BatchNorm2d(3)"),
    "f-string": 'X = f\'{"a"}\'\nY = f"{f\'{f"""{f"{1}"}"""}\'}"\n',
    "f-string-deep": "X = " + 'f"{' * 150 + "1" + '}"' * 150 + "\n",
    "type-parameters": f"def f[{', '.join(f'T{i}' for i in range(5000))}](x): return x\n"
    f"type X = {'list[' * 150}int{']' * 150}\n",
}

CHAINS = {
    "attributes": "X = a" + ".b" * 5000 + "\n",
    "attributes-just-allowed": "X = a" + ".b" * 2400 + "\n",
    "calls-over-lines": "X = (a" + "\n.b()" * 5000 + ")\n",
    "sum-over-lines": "X = (1" + "\n + 1" * 20_000 + ")\n",
    "sum-continued": "X = 1 " + "+ \\\n" * 20_000 + "1\n",
    "subscripts": "X = a" + "[0]" * 5000 + "\n",
    "texts": "X = (" + '"a" ' * 20_000 + ")\n",
}

LEXICAL = {
    "unicode-names": "ﬁ = 1\nX = nn.BatchNorm2d(fi)\n" + "é" * 5000 + " = 3\n",
    "long-name": "x" * 1_000_000 + " = 3\n",
    "noqa": "X = 1  # noqa" + ":," * 200_000 + "\nY = 1  # bn-lint: ignore[" + "BN001, " * 100_000 + "]\n"
    "# bn-lint: ignore[" + "[" * 100_000 + "\n",
    "noqa-blanks": "X = 1  #" + " " * 200_000 + "noqa" + " " * 200_000 + "\n"
    "Y = 1  # bn-lint" + " " * 200_000 + ":" + " " * 200_000 + "ignore" + " " * 200_000 + "x\n",
    "backslashes": 'X = "' + "\\\\" * 500_000 + "\"\nY = '''" + "''\\'" * 100_000 + "'''\n",
    "unclosed-quotes": "X = " + '"a' * 50_000 + "\n",
    "hash-and-quote": "'#\"" * 50_000 + "\n",
    "imports": "".join(f"import m{i}\n" for i in _MANY),
    "import-dots": f"from {'.' * 5000}x import y\nfrom {'.' * 5000} import z\nimport {'.'.join(['a'] * 5000)}\n",
    "import-line": f"import {', '.join(f'a{i}.b.c as d{i}' for i in _MANY)}\n"
    f"from x import ({', '.join(f'a{i}' for i in _MANY)})\n",
    "import-blanks": "import " + " " * 100_000 + "a" + " " * 100_000 + "," + " " * 100_000 + "\n"
    "from" + " " * 100_000 + "\n",
    "attribute-blanks": "m." + " " * 100_000 + "x\nm . " + "\n" * 100_000 + "y()\nx.eval" + " " * 100_000 + "\n",
    "eval-blanks": "x.eval \n" * 20_000,
    "def-blanks": "def" + " " * 100_000 + "\nclass" + " " * 100_000 + "\n",
    "semicolons": "pass;" * 100_000 + "\n",
}

SIZE = {
    "dictionary": "D = {\n" + "".join(f'    "k{i}": {i},\n' for i in range(100_000)) + "}\n",
    "list": "D = [\n" + "".join(f"    {i},\n" for i in range(100_000)) + "]\n",
    "statements": "".join(f"x{i} = {i}\n" for i in range(100_000)),
    "layers": "".join(f"b{i} = nn.BatchNorm2d({i + 1})\n" for i in _MANY),
    "sequential": "X = nn.Sequential(\n"
    + "".join(f"  nn.Conv2d({i + 1}, {i + 2}, 1), nn.BatchNorm2d({i + 2}),\n" for i in range(5000))
    + ")\n",
    "text": 'X = "' + "x" * 20_000_000 + '"\n',
    "comment": "# " + "(+" * 5_000_000 + "\n",
}
