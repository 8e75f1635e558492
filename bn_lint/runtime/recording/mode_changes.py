"""Records what changes in the layers of a running program between their calls: modes, checkpoints, averages."""

from __future__ import annotations

import traceback
import weakref
from types import FrameType
from typing import Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from bn_lint.runtime.recording.call_context import call_context
from bn_lint.runtime.recording.epochs import Epochs, keep
from bn_lint.runtime.recording.layer_records import CLOSE_LOOKS, Layer
from bn_lint.runtime.recording.layer_registry import Registry
from bn_lint.runtime.recording.recognize import (
    requires_grad,
)
from bn_lint.runtime.recording.sites import Site, here
from bn_lint.runtime.recording.structure import overrides

_MOST_DEFECTS = 5


class ModeChanges(Registry):
    """What programs do with layers besides calling them."""

    def __init__(self) -> None:
        super().__init__()
        self.paused = 0
        self.step = 0
        self.mode_sites: dict[tuple[Site | None, bool], dict[str, Any]] = {}
        self.epochs = Epochs()
        self.defects: list[str] = []
        #: Models whose last switch was to evaluation mode, and when that was.
        self.put_in_evaluation: weakref.WeakKeyDictionary[torch.nn.Module, int] = weakref.WeakKeyDictionary()

    def mode_changed(self, root: torch.nn.Module, training: bool, before: bool, frame: FrameType | None) -> None:
        """A call of `train` or `eval` on `root` is over; `before` is the mode that `root` itself had."""
        if self.paused:
            return
        try:
            self.before_change()
            site = here(frame)
            if training:
                self.put_in_evaluation.pop(root, None)
            else:
                self.put_in_evaluation[root] = next(self.clock)
            new: dict[str, Any] = {"count": 0, "layers": 0, "recalibrates": False, "steps": []}
            record = self.mode_sites.setdefault((site, training), new)
            record["count"] += 1
            keep(record["steps"], self.step)
            if record["count"] <= CLOSE_LOOKS:
                record["recalibrates"] = call_context(frame).recalibrates
            again = record["recalibrates"] or record["count"] <= CLOSE_LOOKS
            layers = 0
            for module in root.modules():
                if isinstance(module, _BatchNorm) and module.training is training:
                    layers += 1
                    layer = self.layer_of(module)
                    self._switch(layer, module, root, training, before, None if record["recalibrates"] else site)
                    if again:
                        layer.look_again()
            record["layers"] = max(record["layers"], layers)
        except Exception:
            self.defect()

    def evaluation_asked(self, root: torch.nn.Module, switched: set[int], frame: FrameType | None) -> None:
        """A call of `eval` on `root` is over."""
        if self.paused:
            return
        try:
            for override, layers in overrides(root, switched, here(frame)):
                for module in layers:
                    self.layer_of(module).override = override
        except Exception:
            self.defect()

    def _switch(
        self, layer: Layer, module: _BatchNorm, root: torch.nn.Module, training: bool, before: bool, site: Site | None
    ) -> None:
        flips = layer.mode is not training
        if training:
            apart = layer.frozen_at is not None or (before and layer.mode_root != id(root))
            if flips and apart and module is not root:
                layer.reenabled = (site, layer.frozen_at or layer.mode_site, False)
                layer.look_again()
            layer.frozen_at = None
        else:
            if layer.reenabled is not None and not layer.reenabled[2]:
                layer.reenabled = None  # frozen again before anything happened
            if module is root:
                layer.frozen_at, layer.apart = site, True
                layer.frozen_grad = requires_grad(module)
        if flips or training:
            layer.mode, layer.mode_site, layer.mode_step, layer.mode_root = training, site, self.step, id(root)
        elif site is not None and layer.mode_site is not None:
            layer.mode_site, layer.mode_step = site, self.step  # said once more: that is what counts from here on
        layer.evaluations_before_mode = layer.evaluations()

    def reset(self, module: _BatchNorm) -> None:
        """`reset_running_stats` was called: what comes next recomputes them."""
        self.before_change()
        layer = self.layers.get(id(module))
        if layer is not None and layer.order >= 0:
            layer.recalibrating = True
            layer.look_again()

    def loaded(self, module: _BatchNorm, prefix: str, state: Any, frame: FrameType | None) -> None:
        """A checkpoint is about to be loaded into a layer."""
        self.before_change()
        layer = self.layer_of(module)
        keys = [prefix + name for name in ("running_mean", "running_var")]
        if any(f"{prefix}{name}" in state for name in ("weight", "bias", "running_mean")):
            layer.loaded_at = here(frame)
            layer.learned = None
        if module.track_running_stats and prefix + "weight" in state and not any(key in state for key in keys):
            layer.missing_at = here(frame)
            layer.evaluated_early = layer.untouched = None
        layer.look_again()

    def averaged(self, averaged: torch.nn.Module, frame: FrameType | None) -> None:
        """`AveragedModel.update_parameters` was called."""
        self.before_change()
        if getattr(averaged, "use_buffers", False):
            return
        for module in averaged.modules():
            if isinstance(module, _BatchNorm) and module.track_running_stats:
                layer = self.layer_of(module)
                layer.averaged_at = here(frame)
                layer.look_again()

    def defect(self) -> None:
        """Note that bn-lint itself failed; the program goes on."""
        if len(self.defects) < _MOST_DEFECTS:
            self.defects.append(traceback.format_exc())
