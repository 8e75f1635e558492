"""Texts that grow, and texts that are wide from the start."""

from benchmarks.attacks.attack import repeated

_START = 'X = "abcdefgh"'

TEXTS = {
    "multiplied": 'X = "a" * 10**12\n',
    "added": repeated(_START, "X = X + X"),
    "added-in-place": repeated(_START, "X += X"),
    "f-string": repeated(_START, 'X = f"{X}{X}"'),
    "percent": repeated(_START, 'X = "%s%s" % (X, X)'),
    "joined": repeated(_START, "X = X.join([X, X])"),
    "replaced": repeated('X = "a" * 10000', f'X = X.replace("a", "{"a" * 40}")', 10),
    "format": repeated(_START, 'X = "{0}{0}".format(X)'),
    "bytes-added": repeated("X = bytes([0] * 10000)", "X = X + X"),
    "bytes-joined": repeated('X = b"abcdefgh"', "X = X.join([X, X])"),
    "many-long-texts": 'X = ["a" * 20000 for a in range(4000)]\nY = "".join(X)\nZ = "".join([Y] * 20000)\n',
    "many-different-texts": 'X = ["a" * 20000 + str(a) for a in range(4000)]\nY = "".join(X)\nZ = Y.join(X)\n',
    "translated": 'X = ("a" * 20000).translate({97: "b" * 20000})\n',
    "split-lines": repeated('X = ("a\\n" * 10000).splitlines()', "X = X + X", 40),
    "counted": repeated('X = "a" * 20000\nY = "a" * 10000 + "b"', "Z = X.count(Y)", 4000),
}

WIDTHS = {
    "zfill": 'X = "1".zfill(10**10)\n',
    "zfill-smaller": 'X = "1".zfill(10**9)\n',
    "ljust": 'X = "1".ljust(10**10)\n',
    "center": 'X = "1".center(10**10)\n',
    "expandtabs": 'X = "\\t".expandtabs(2 * 10**9)\n',
    "format": 'X = "{:>10000000000}".format(1)\n',
    "format-smaller": 'X = "{:>1000000000}".format(1)\n',
    "format-builtin": 'X = format(1, "10000000000")\nY = format(1.5, ".1000000000f")\n',
    "f-string": 'X = f"{1:>1000000000}"\n',
    "percent": 'X = "%1000000000d" % 1\nY = "%*d" % (10**9, 1)\n',
    "percent-bytes": 'X = b"%1000000000d" % 1\n',
    "percent-precision": 'X = "%.999999999f" % 1.5\n',
    "to-bytes": 'X = (1).to_bytes(10**10, "big")\n',
    "bytes": "X = bytes(10**10)\n",
    "bytearray": "X = bytearray(10**10)\n",
}
