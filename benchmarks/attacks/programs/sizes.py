"""Widths and shapes: what symbols and tensors become, and how long the messages about them are."""

from benchmarks.attacks.attack import network

_SUM = " + ".join(f"a{i}" for i in range(60))
_PARAMETERS = ", ".join(f"a{i}" for i in range(60))
_CHAINED_POWERS = "*".join(["10**256"] * 19)


def _widths(computed: str, parameters: str = "a", given: str = "w + 1") -> str:
    """A module whose width is computed: what is given to its BatchNorm layer is another one."""
    lines = "".join(f"        {line}\n" for line in computed.splitlines())
    return (
        f"class P(nn.Module):\n    def __init__(self, {parameters}):\n        super().__init__()\n{lines}"
        f"        self.c = nn.Conv2d(3, w, 1)\n        self.bn = nn.BatchNorm2d({given})\n"
        "    def forward(self, x): return self.bn(self.c(x))\n"
    )


def _passes(number: int, start: str, step: str) -> str:
    return f"w = {start}\nfor i in range({number}):\n    w = {step}"


_HALVES, _REMAINDERS = "max(w // 2, w // 3) + min(w, 8)", "(w * 3 + i) // 2 - w % 7"

POLYNOMIALS = {
    "sum-squared": _widths(_passes(30, f"({_SUM})", "w * (a0 + a1 + a2 + w)"), _PARAMETERS),
    "product-of-sums": _widths(
        "w = 1\n" + "\n".join(f"w = w * (a{i} + {i + 1})" for i in range(60)), _PARAMETERS, "w // 7 % 5 ** 2"
    ),
    "many-remainders": _widths(_passes(4000, "a", _REMAINDERS)),
    "many-halves": _widths(_passes(300, "a", _HALVES)),
}

MESSAGES = {
    **{f"halves-{n}": _widths(_passes(n, "a", _HALVES)) for n in (10, 14, 18)},
    **{f"remainders-{n}": _widths(_passes(n, "a", _REMAINDERS)) for n in (18, 22)},
    "wide": network(
        "n = 10**300\nself.x = nn.BatchNorm2d(10**4000)",
        "return self.bn(self.conv(x)).view(-1, 10**4000, 3).reshape(10**3000, -1)",
    ),
    "chained-powers": network(
        f"self.x = nn.BatchNorm2d(10**5000 if False else 10**256)\nself.c = nn.Conv2d(3, {_CHAINED_POWERS}, 1)",
        "return self.x(self.c(x))",
    ),
    "infinity": network('n = int(1e308 * 10)\nm = int(float("nan"))\nk = round(1e400)'),
}

TENSORS = {
    "many-layers": network(
        "self.l = nn.ModuleList([nn.BatchNorm2d(i) for i in range(4000)])\n"
        "self.m = nn.Sequential(*[nn.Sequential(*[nn.BatchNorm2d(3)] * 4000)] * 4000)",
        "for l in self.l: x = l(x)\nreturn self.m(x)",
    ),
    "many-axes": network(
        "pass",
        "x = torch.zeros(*[2] * 5000)\nx = x.permute(*range(4999, -1, -1))\nreturn self.bn(x.view(*[1] * 10000))",
    ),
    "cat": network("pass", "for i in range(60):\n    x = torch.cat([x, x], 1)\nreturn self.bn(x)"),
}
