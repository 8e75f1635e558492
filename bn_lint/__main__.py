"""The program `bn-lint`, and `python -m bn_lint`."""

from __future__ import annotations

import gc
import os
import sys

# What is imported lives to the end, and most commands are over then: collections of garbage, of which there is little,
# take a twentieth of the time in which bn-lint starts. Commands that last allow them (`cli/main.py`).
gc.disable()


def main() -> int:
    """Run `bn-lint` in a process of its own."""
    from bn_lint.cli.main import main as run

    return run()


if __name__ == "__main__":
    # Python puts the working directory first, where a repository that is checked may have a `json.py`. The `bn-lint`
    # script has the folder of scripts there.
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = os.path.dirname(sys.executable)
    sys.exit(main())
