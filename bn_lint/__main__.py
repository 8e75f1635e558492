"""`python -m bn_lint`."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # Python puts the working directory first, where a repository that is checked may have a `json.py`. The `bn-lint`
    # script has the folder of scripts there.
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = os.path.dirname(sys.executable)

    from bn_lint.cli.main import main

    sys.exit(main())
