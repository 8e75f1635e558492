"""Models of other libraries: which constructors give a module with BatchNorm inside, in which mode."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bn_lint.static.modes.parallel import SYNCED
from bn_lint.static.modes.state import BUILT, FROZEN, MODE
from bn_lint.static.values import Arguments, Builtin, Instance, LibraryClass, Spot, Tensor, Unknown, Value

if TYPE_CHECKING:
    from bn_lint.static.run import Run

#: Architectures that normalise with BatchNorm, by the beginning of their names in torchvision and timm.
_BATCHNORM = re.compile(
    r"(?:wide_|tv_|tf_|seres|se_res|legacy_se|ig_|ssl_|swsl_|gluon_)?(?:resne[sx]?t|resnext|seresnext|densenet|googlenet|"
    r"inception|mobilenet|mnasnet|shufflenet|efficientnet|regnet|xception|hrnet|dla|dpn|vgg\d+_bn|rexnet|ghostnet|"
    r"res2net|repvgg|cspnet|cspresnet|cspdarknet|darknet|vovnet|ese_vovnet|selecsls|skresnet|ecaresnet|nasnet|pnasnet|"
    r"fcn_resnet|deeplabv3|lraspp)",
    re.IGNORECASE,
)
#: Where models are looked up by name or called by it.
_BY_CALL = re.compile(r"^torchvision\.models\.(?:\w+\.)*([a-z]\w*)$")
_BY_NAME = {
    "timm.create_model": 0,
    "timm.models.create_model": 0,
    "torch.hub.load": 1,
    "torchvision.models.get_model": 0,
}
_PRETRAINED = ("pretrained", "weights")
#: Architectures with a number, which in whatever library have the layers that their papers give them.
_NUMBERED = re.compile(
    r"(?:wide_?|pre_?act_?|se_?)?resne[sx]?t_?\d+(?:_\w+|d|x\w+)?|wrn_?\d+_\d+|densenet_?\d+\w*|mobilenet_?v[123]\w*|"
    r"efficientnet_?(?:v2_?)?(?:b\d|[sml])|shufflenet_?v[12]\w*|vgg_?\d+_bn|googlenet|inception_?v[34]",
    re.IGNORECASE,
)
_NOT_TORCH = ("tensorflow", "keras", "jax", "flax", "paddle", "mindspore", "mxnet", "tf", "transformers")


def zoo_member(dotted: str) -> Value:
    """The constructor of a model by its dotted name, or None."""
    if dotted in _BY_NAME:
        position = _BY_NAME[dotted]

        def named(run: Run, arguments: Arguments, spot: Spot) -> Value:
            name = arguments.get(position, "model_name" if position == 0 else "model")
            if isinstance(name, Unknown) and dotted != "torch.hub.load":
                # A program that lets its user choose among all models handles those with BatchNorm.
                return _model(run, "any", arguments, spot)
            if isinstance(name, str) and _BATCHNORM.match(name.rpartition("/")[2]):
                return _model(run, name, arguments, spot, everything=dotted == "torch.hub.load")
            return Unknown("model", f"`{dotted}` is outside the project")

        return Builtin(dotted, named)
    found = _BY_CALL.match(dotted)
    if found is not None and ".detection." not in dotted and _BATCHNORM.match(found[1]):
        name = found[1]
        return Builtin(name, lambda run, arguments, spot: _model(run, name, arguments, spot))
    top, _, last = dotted.rpartition(".")
    if top and top.partition(".")[0] not in _NOT_TORCH and _NUMBERED.fullmatch(last):
        return Builtin(last, lambda run, arguments, spot: _model(run, last, arguments, spot))
    return None


def any_model(dotted: str) -> Value:
    """What an unknown name stands for in an external module: if that is a library of models, for any of them."""
    if dotted == "torchvision.models":
        return Builtin("any", lambda run, arguments, spot: _model(run, "any", arguments, spot))
    return Unknown("?", f"an unknown name in `{dotted}`")


def _model(run: Run, name: str, arguments: Arguments, spot: Spot, *, everything: bool = False) -> Instance:
    """A model with one BatchNorm layer that stands for all of them."""
    from bn_lint.static.library import KNOWN

    model = Instance(_class(name), spot)
    layer = Instance(KNOWN["torch.nn.BatchNorm2d"], None)
    layer.cells.update({MODE: BUILT, FROZEN: None, SYNCED: None, "track_running_stats": True})
    layer.owner, layer.name = model, "bn1"
    model.cells.update({MODE: BUILT, "bn1": layer})
    run.created.append(model)
    given = arguments.get(0, "weights", arguments.keywords.get("pretrained"))
    given = next((arguments.keywords[key] for key in _PRETRAINED if key in arguments.keywords), given)
    if everything or (given not in (None, False) and not isinstance(given, Unknown)):
        run.program.prepare(model, spot)
    return model


def _class(name: str) -> LibraryClass:
    found = _classes.get(name)
    if found is None:
        from bn_lint.static.torch.layer_table import MODULE

        def forward(run: Run, arguments: Arguments, spot: Spot) -> Value:
            return Tensor(ranked=False, why=f"what `{name}` gives is not known")

        found = _classes[name] = LibraryClass(
            f"torchvision.models.{name}", (MODULE,), (), {"forward": Builtin("forward", forward)}
        )
    return found


_classes: dict[str, LibraryClass] = {}
