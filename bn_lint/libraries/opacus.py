"""Opacus: differential privacy. What it refuses is in `static/libraries/opacus.py`."""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(
    packages=("opacus",),
    second_names={"opacus.privacy_engine.PrivacyEngine": "opacus.PrivacyEngine"},
    leaves_modes=("opacus.validators.ModuleValidator.fix", "opacus.validators.ModuleValidator.validate"),
)
