"""Python imports this when it starts, in processes that a traced program starts: `PYTHONPATH` leads here.

It gives way to the module of this name that would have been imported, and lets bn-lint wait for PyTorch. It is read by
whatever Python such a process has, which may be another version or may not have bn-lint.
"""

import importlib.machinery
import importlib.util
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [path for path in sys.path if os.path.abspath(path) != _HERE]

_spec = importlib.machinery.PathFinder.find_spec("sitecustomize")
if _spec is not None and _spec.loader is not None:
    _module = importlib.util.module_from_spec(_spec)
    sys.modules["sitecustomize"] = _module
    _spec.loader.exec_module(_module)

if os.environ.get("BN_LINT_TRACE"):
    try:
        from bn_lint.runtime.processes.children import wait_for_torch
    except Exception:  # there is no bn-lint here
        pass
    else:
        wait_for_torch(os.environ["BN_LINT_TRACE"])
