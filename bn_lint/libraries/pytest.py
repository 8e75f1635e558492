"""pytest: what ends a test, and what is expected to fail."""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(
    packages=("pytest",),
    leaves=("pytest.skip", "pytest.fail", "pytest.xfail", "pytest.exit"),
    expects_failure=("pytest.raises",),
)
