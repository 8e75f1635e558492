"""Integers of very many digits."""

from benchmarks.attacks.attack import network, repeated

_SQUARE = "X = X * X"

INTEGERS = {
    "power-literal": "X = 10**10**10\n",
    "power-of-parameter-linear": network("w = n ** 10**9\nself.linear = nn.Linear(w, w)"),
    "power-of-parameter-width": network("w = n ** (10**9)\nself.wide = nn.BatchNorm2d(w)"),
    "pow": "X = pow(3, 10**9)\n",
    "pow-of-parameter": network("w = pow(n, 10**9)"),
    "math-pow": "X = math.pow(3, 10**9)\n",
    "factorial": "X = math.factorial(10**7)\n",
    "power-of-power": "X = 3**256\n" + "X = X**256\n" * 4,
    "squared": repeated("X = 3", _SQUARE),
    "squared-parameter": network("for i in range(60):\n    n = n * n"),
    "shift": "X = 1 << 10**10\n",
    "shifted-parameter": network("w = n << 10**10"),
    "shifted-often": repeated("X = 1", "X = X << 256", 4000) + repeated("", _SQUARE),
    "shifted-and-squared": repeated("X = 1 << 256", "X = X << 200", 30) + repeated("", _SQUARE, 40),
    "digits-to-int": 'X = int("9" * 10**6)\nY = int("f" * 19000, 16)\nZ = int("9" * 20000)\n',
    "long-literal": "X = 0x" + "f" * 1_000_000 + "\nY = X * X\nZ = str(X)\n",
    "to-text": repeated("X = 1 << 256", _SQUARE, 20) + 'A = str(X)\nB = f"{X}"\nC = "%d" % X\nD = hex(X)\n',
    "fraction": "X = fractions.Fraction(1, 3) ** 10**9\nY = decimal.Decimal(3) ** 10**9\n",
    "prod": repeated("X = math.prod([10**250] * 10000)", "X = math.prod([X] * 1000)", 20),
    "lcm": repeated("X = math.lcm(*range(1, 4000))", _SQUARE),
    "reduce": repeated("X = functools.reduce(lambda a, b: a * b, range(1, 4000))", _SQUARE),
}
