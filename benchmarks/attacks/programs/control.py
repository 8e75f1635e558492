"""Loops, branches, calls and classes: what is run, and how often."""

from benchmarks.attacks.attack import nested

_RANDOM_BRANCHES = "".join(
    f"    if x > {i}:\n        y = y + {2 ** (i % 20)}\n    else:\n        y = y * 3 + x\n" for i in range(200)
)
_NESTED_BRANCHES = "".join("    " * (i + 1) + f"if x > {i}:\n" + "    " * (i + 2) + f"y = {i}\n" for i in range(80))
_BALANCED = "x"
for _ in range(9):
    _BALANCED = f"({_BALANCED} and {_BALANCED})"
_CALLING_BRANCHES = "".join(
    f"def f{i}(x):\n    if random.random() > x:\n        return f{i + 1}(x + 1)\n    return f{i + 1}(x * 2)\n"
    for i in range(60)
)
_TRIES = "".join(
    "    " * (i + 1) + "try:\n" + "    " * (i + 2) + f"y{i} = nn.BatchNorm2d({i + 1})\n" for i in range(50)
)
_EXCEPTS = "".join("    " * (i + 1) + "except Exception:\n" + "    " * (i + 2) + "pass\n" for i in range(49, -1, -1))
_MODULE_TREE = "".join(
    f"class B{i}(nn.Module):\n    def __init__(self, n):\n        super().__init__()\n"
    f"        self.a = B{i + 1}(n + 1)\n        self.b = B{i + 1}(n + 2)\n"
    "    def forward(self, x):\n        return self.a(x) + self.b(x)\n"
    for i in range(40)
)
_LAST_MODULE = (
    "class B40(nn.Module):\n    def __init__(self, n):\n        super().__init__()\n"
    "        self.bn = nn.BatchNorm2d(n)\n    def forward(self, x):\n        return self.bn(x)\n"
    "B0(1)(torch.randn(1, 3, 4, 4))\n"
)
_TRAIN = "m = Mistaken()\no = torch.optim.SGD(m.parameters(), 0.1)\n"


def _recursive(*parts: str) -> str:
    """A module with parts of its own class."""
    lines = "".join(f"        self.{name} = R(n + {number})\n" for number, name in enumerate(parts, 1))
    called = "x"
    for name in reversed(parts):
        called = f"self.{name}({called})"
    return (
        "class R(nn.Module):\n    def __init__(self, n):\n        super().__init__()\n"
        f"{lines}        self.bn = nn.BatchNorm2d(n)\n    def forward(self, x): return self.bn({called})\nR(1)\n"
    )


LOOPS = {
    "while-true": "while True:\n    Mistaken()\n",
    "branches": f"def f(x):\n    y = 0\n{_RANDOM_BRANCHES}    return nn.BatchNorm2d(y)\nf(random.random())\n",
    "branches-nested": f"def f(x):\n{_NESTED_BRANCHES}    return nn.BatchNorm2d(y)\nf(random.random())\n",
    "branches-calling": _CALLING_BRANCHES + "def f60(x):\n    return nn.BatchNorm2d(x)\nf0(1)\n",
    "branches-try": f"def f(x):\n{_TRIES}{'    ' * 51}pass\n{_EXCEPTS}f(1)\n",
    "match": "def f(x):\n    match x:\n"
    + "".join(f"        case {i}: y = nn.BatchNorm2d({i + 1})\n" for i in range(2000))
    + "    return y\nf(3)\n",
    "modes-nested": _TRAIN
    + nested([f"for i{i} in a{i}:" for i in range(18)], "m.train(); m(1).sum().backward(); o.step(); m.eval(); m(2)"),
    "modes-one-after-the-other": _TRAIN
    + "".join(
        f"if a{i}:\n    m.train()\nelse:\n    m.eval()\nm(x{i}).sum().backward()\no.step()\n" for i in range(300)
    ),
    "modes-of-many-models": "".join(f"m{i} = Mistaken()\n" for i in range(1000))
    + f"ms = [{', '.join(f'm{i}' for i in range(1000))}]\n"
    + "for m in ms:\n    for k in ms:\n        m.train(); k.eval(); m(k(1)).backward()\n",
}

CALLS = {
    "tree": "".join(f"def f{i}(x):\n    return f{i + 1}(x + 1) + f{i + 1}(x + 2)\n" for i in range(60))
    + "def f60(x):\n    return x\nnn.BatchNorm2d(f0(1))\n",
    "tree-of-modules": _MODULE_TREE + _LAST_MODULE,
    "recursive-constructor": _recursive("r"),
    "recursive-constructor-twice": _recursive("r", "q"),
    "recursive-forward": "class R(nn.Module):\n    def __init__(self, n):\n        super().__init__()\n"
    "        self.bn = nn.BatchNorm2d(n)\n    def forward(self, x): return self.bn(self.forward(self(x)))\n"
    "R(3)(torch.randn(1, 3, 4, 4))\n",
    "recursive-property": "class R(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.bn = nn.BatchNorm2d(self.w)\n    @property\n    def w(self): return self.w + self.v\n"
    "    @property\n    def v(self): return self.w\n    def forward(self, x): return self.bn(x)\nR()\n",
    "recursive-decorator": "def d(f):\n    @d\n    def g(*a): return f(*a)\n    return g\n@d\n"
    "def h(): return nn.BatchNorm2d(3)\nh()\n",
    "recursive-getattr": "class G:\n    def __getattr__(self, n): return getattr(self, n + 'x')\n"
    "    def __call__(self): return self.y()\nG().foo\nnn.BatchNorm2d(G().n)\n"
    "class H(nn.Module):\n    def __getattr__(self, n): return self.foo\nnn.BatchNorm2d(H().bar)\n",
    "recursive-getattr-long": "class G:\n    def __getattr__(self, n): return getattr(self, n + n)\n"
    "nn.BatchNorm2d(G().n)\n",
    "starred-twice": "def f(*a, **k): return f(*a, *a, **k)\nf(1)\n",
    "keywords-longer": 'def f(**k): return f(**{a + "x": 1 for a in k}, **k)\nf(a=1)\n',
    "generators": "def g():\n    yield from g()\n    yield from g()\nfor x in g(): nn.BatchNorm2d(x)\n"
    "def h(n):\n    while True:\n        yield n\n        n = n * n + 1\nfor x in h(3): nn.BatchNorm2d(x)\n",
    "generators-asked-often": "def g(a):\n    while True:\n        for x, y in a:\n            yield x, y\n"
    "for i in range(100):\n    b = g(s)\n    for j in range(100):\n        for k in range(10):\n            next(b)\n",
}

CONDITIONS = {
    "long": "x = input()\n" + f"if {' and '.join(['x'] * 900)}:\n    y = 1\nelse:\n    y = 2\n" * 200,
    "denied": "x = input()\n" + f"if {'not ' * 900}x:\n    y = 1\nelse:\n    y = 2\n" * 200,
    "balanced": "x = input()\n" + f"if {_BALANCED}:\n    y = 1\nelse:\n    y = 2\n" * 100,
    "much-depends-on-one": "x = input()\nclass O: pass\no = O()\n"
    + "".join(f"o.a{i} = 0\n" for i in range(600))
    + "".join(f"if x: o.a{i} = 1\nelse: o.a{i} = 'b'\n" for i in range(600))
    + "if x:\n    y = 1\nelse:\n    y = 2\n" * 4000,
}
CLASSES = {
    "metaclass": "class Meta(type):\n    def __call__(cls, *a): return cls(*a)\n"
    "    def __new__(m, *a): return Meta(*a)\n"
    "class C(nn.Module, metaclass=Meta):\n    def __init__(self): self.bn = nn.BatchNorm2d(3)\nC()\n",
    "cyclic": "class A(B): pass\nclass B(A): pass\nclass C(C): pass\nclass D(nn.Module, D): pass\n"
    "A(); B(); C(); D()\nnn.BatchNorm2d(A.x)\n",
    "chain-in-a-loop": "A = nn.Module\nfor i in range(5000):\n    class A(A): pass\nA()\n",
    "chain": "class A0(nn.Module): pass\n"
    + "".join(f"class A{i + 1}(A{i}): pass\n" for i in range(3000))
    + "A3000().foo\nclass Z(A3000):\n    def __init__(self):\n        super().__init__()\n"
    "        self.bn = nn.BatchNorm2d(3)\n    def forward(self, x): return self.bn(x)\nZ()(1)\n",
    "diamond": "class L0(nn.Module): pass\nclass R0(nn.Module): pass\n"
    + "".join(f"class L{i + 1}(L{i}, R{i}): pass\nclass R{i + 1}(L{i}, R{i}): pass\n" for i in range(40))
    + "X = L40()\nX.foo\nisinstance(X, int)\nissubclass(L40, int)\n",
    "module-within-itself": "class S(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.me = self\n        self.bn = nn.BatchNorm2d(3)\n    def forward(self, x): return self.bn(x)\n"
    's = S()\ns.add_module("x", s)\ns.train(); s.eval()\nt = copy.deepcopy(s)\n'
    "torch.optim.SGD(s.parameters(), 0.1)\nfor m in s.modules(): pass\n",
    "many": "".join(
        f"class K{i}(nn.Module):\n    def __init__(self, n):\n        super().__init__()\n"
        "        self.bn = nn.BatchNorm2d(n)\n    def forward(self, x): return self.bn(x)\n"
        for i in range(2000)
    ),
    "many-mistakes": "".join(
        f"class K{i}(nn.Module):\n    def __init__(self, n):\n        super().__init__()\n"
        "        self.c = nn.Conv2d(3, 8, 1)\n        self.bn = nn.BatchNorm2d(16)\n"
        "    def forward(self, x): return self.bn(self.c(x))\n"
        for i in range(1500)
    ),
}
