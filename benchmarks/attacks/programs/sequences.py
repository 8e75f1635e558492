"""Lists and tuples that grow, that hold themselves, and ranges that are taken for lists."""

from benchmarks.attacks.attack import network, repeated

_LIST, _TUPLE = "X = [0]", "X = (0,)"
_NESTED = repeated(_TUPLE, "X = (X, X)")
_IDENTITY = "def f(a):\n    return a\nf(X)\n"

SEQUENCES = {
    "multiplied": "X = [0] * 10**10\n",
    "multiplied-by-parameter": network("X = [0] * (n * 10**9)"),
    "added": repeated(_LIST, "X = X + X"),
    "added-in-place": repeated(_LIST, "X += X"),
    "extended": repeated(_LIST, "X.extend(X)"),
    "starred": repeated(_LIST, "X = [*X, *X]"),
    "tuples-added": repeated(_TUPLE, "X = X + X"),
    "slice-assigned": repeated("X = [0] * 10000", "X[len(X):] = X"),
    "comprehension": "X = [0 for a in range(4000) for b in range(4000) for c in range(4000)]\n",
    "comprehension-nested": "X = [[[[0 for a in range(100)] for b in range(100)] for c in range(100)]"
    " for d in range(100)]\n",
    "comprehension-walrus": "X = [y := [y] for i in range(4000)] if (y := 0) is not None else 0\n",
    "product": "X = list(itertools.product(range(4000), repeat=10))\nY = list(itertools.product(*[[0, 1]] * 60))\n"
    "Z = list(itertools.permutations(range(20)))\nW = list(itertools.combinations(range(60), 30))\n",
    "chain": repeated(_LIST, "X = list(itertools.chain(X, X))"),
    "islice": "X = list(itertools.islice(itertools.count(), 10**10))\nY = itertools.repeat(0, 10**10)\n"
    "Z = list(itertools.cycle([1]))\n",
    "dictionary": "D = {}\nfor i in range(4000):\n    for j in range(4000):\n        D[i, j] = 1\n",
    "set": "S = {a * 4000 + b for a in range(4000) for b in range(4000)}\n",
    "while-append": "X = []\nwhile True:\n    X.append(1)\n",
    "while-added": "X = [0]\nwhile len(X) < 10**9:\n    X = X + X\n",
}

NESTED = {
    "equal-and-key": _NESTED + "Y = X == X\nZ = {X: 1}\n",
    "equal": repeated("X = (0,)\nY = (0,)", "X = (X, X); Y = (Y, Y)") + "if X == Y: pass\n",
    "key": _NESTED + "D = {}\nD[X] = 1\n",
    "printed": _NESTED + 'Y = "{}".format(X)\nZ = "%s" % (X,)\n',
    "argument": _NESTED + _IDENTITY + "f(X)\nm = Mistaken()\nm(X)\n",
    "lists": repeated(_LIST, "X = [X, X]") + repeated("Y = [0]", "Y = [Y, Y]") + "Z = X == Y\n" + _IDENTITY,
    "key-literal": "D = {" + "(1," * 150 + "1" + ",)" * 150 + ": 1}\n",
    "within-itself": "X = []\nX.append(X)\nY = X == X\nZ = str(X)\nnn.Sequential(*X)\n" + _IDENTITY + "W = X + X\n"
    'D = {}\nD["a"] = D\nf(D)\ncopy.deepcopy(X)\ncopy.deepcopy(D)\n',
}

RANGES = {
    "loop": "for i in range(10**12):\n    Mistaken()\n",
    "in": "X = 5 in range(10**10)\n",
    "in-not": "X = -5 in range(10**10)\nif X: pass\n",
    "list": "X = list(range(10**10))\n",
    "sum": "X = sum(range(10**10))\n",
    "len": "X = len(range(10**30))\n",
    "max": "X = max(range(10**10))\nY = sorted(range(10**10))\nZ = tuple(range(10**10))\nW = set(range(10**10))\n",
    "methods": "X = range(10**10).count(5.5)\nY = range(10**10).index(7.5)\n",
    "equal": "X = range(10**10) == [1]\nY = [*range(10**10)]\nZ = range(10**10)[::-1]\nV = (1, 2) == range(10**10)\n",
    "starred": "def f(*a): return a\nf(*range(10**10))\n",
    "iterators": "X = list(reversed(range(10**10)))\nY = list(zip(range(10**10), range(10**10)))\n"
    "Z = list(enumerate(range(10**10)))\n",
}
