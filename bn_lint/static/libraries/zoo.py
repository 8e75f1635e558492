"""Models of other libraries: which constructors give a module with BatchNorm inside, in which mode.

That an architecture has BatchNorm is a fact about a release: the names here are those of torchvision 0.28, timm 1.0,
pretrainedmodels 0.7, pytorchcv 0.0.74 and resnest 0.0.5 (`python -m benchmarks.zoo` builds them all and compares).
Elsewhere a `resnet18` may have GroupNorm, or none at all, and nothing is said about it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bn_lint.static.interpreter.values import (
    Arguments,
    Builtin,
    Instance,
    LibraryClass,
    List,
    Partial,
    StaticMethod,
    Tensor,
    Unknown,
    Value,
)
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.mode import BUILT, FROZEN, MODE
from bn_lint.static.torch_model.parallel import SYNCED

if TYPE_CHECKING:
    from collections.abc import Callable

    from bn_lint.static.interpreter.interpreter import Interpreter

#: Endings of the names of variants with another normalisation: GroupNorm, EvoNorm, filter response normalisation.
_OTHER_NORM = re.compile(r"_(?:gn|sgn|evos|frn|bit|bitm)(?:[._]|$)")
#: Architectures that normalise with BatchNorm, by the beginning of their names. Modules, such as `resnet`, have none.
_NAMES = re.compile(
    r"(?:wide_|tv_|tf_|ig_|ssl_|swsl_|gluon_|legacy_|timm-|tu-|gpu_|nvidia_|dino_)*"
    r"(?:(?:se_?|eca_?|sk|gc|csp|caffe|fb|pre|sepre)?resne[xs]?t\d|resnest\d|resnetv2_\d|resnetrs\d|resnetblur\d|resnetaa\d|"
    r"densenet\d|googlenet$|bninception$|inception_?(?:v\d|resnet_?v2|next)|mobilenet_?v[1-4](?:_|$)|mnasnet_?\d|"
    r"shufflenet_v2|efficientnet(?:v2)?[_-][a-z]|efficientnet_v2|regnet_?[a-z]_?\d|xception(?:\d|$)|hrnet_w\d|"
    r"dla\d|dpn\d|vgg\d+_bn|rexnetr?_\d|ghostnet(?:v[23])?_\d|res2ne[xs]?t\d|repvgg_[a-d]|(?:csp|se)?darknet(?:aa)?\d|"
    r"(?:ese_|eca_)?vovnet\d|selecsls\d|nasnetal|nasnetamobile|pnasnet5|polynet|senet154|mixnet_|tinynet_|lcnet_\d|"
    r"fbnet(?:c|v3)_|s[ep]m?nasnet_\d|hardcorenas_|mobileone_s|mobilevit(?:v2)?_|fcn_resnet|deeplabv3_|lraspp_)"
)
#: Those whose children are conv1, bn1, an activation, a pooling, four stages, a pooling and the classifier.
_TEN_CHILDREN = re.compile(r"(?:wide_)?resne[xt]{1,2}\d+(?:_(?:\d+|\d+x\d+d))?(?:\.|$)")
_TEN_IN = ("torchvision", "timm")
#: Modules whose names look like those of architectures.
_MODULES = frozenset({"mobilenetv2", "mobilenetv3", "shufflenetv2"})
#: Where the functions of a library are, each of which builds one architecture.
_FUNCTIONS = re.compile(
    r"^(?:torchvision\.models|timm\.models|pretrainedmodels(?:\.models)?|resnest\.torch|geffnet|"
    r"pytorchcv\.models)\.(?:\w+\.)*(\w+)$"
)
#: Where models are looked up by name: the position and the name of the argument.
_BY_NAME: dict[str, tuple[int, str]] = {
    "timm.create_model": (0, "model_name"),
    "timm.models.create_model": (0, "model_name"),
    "timm.models.factory.create_model": (0, "model_name"),
    "torchvision.models.get_model": (0, "name"),
    "geffnet.create_model": (0, "model_name"),
    "pytorchcv.model_provider.get_model": (0, "name"),
    "torchreid.models.build_model": (0, "name"),
    "torchreid.reid.models.build_model": (0, "name"),
}
#: Repositories that `torch.hub.load` reads, and whether they load weights when nobody asks for them.
_HUB = {
    "pytorch/vision": False,
    "huggingface/pytorch-image-models": False,
    "rwightman/pytorch-image-models": False,
    "rwightman/gen-efficientnet-pytorch": False,
    "zhanghang1989/ResNeSt": False,
    "NVIDIA/DeepLearningExamples": True,
    "facebookresearch/WSL-Images": True,
    "facebookresearch/semi-supervised-ImageNet1K-models": True,
    "facebookresearch/swav": True,
    "facebookresearch/barlowtwins": True,
    "facebookresearch/vicreg": True,
    "facebookresearch/dino": True,
}
#: Segmentation models, whose encoder decides: the position and the name of that argument.
_ENCODED = {"create_model": 1} | dict.fromkeys(
    ("Unet", "UnetPlusPlus", "MAnet", "Linknet", "FPN", "PSPNet", "DeepLabV3", "DeepLabV3Plus", "PAN", "UPerNet"), 0
)
_SEGMENTATION = "segmentation_models_pytorch."
_PRETRAINED = ("pretrained", "weights")


def zoo_member(dotted: str) -> Value:
    """The constructor of a model by its dotted name, or None."""
    if dotted in _BY_NAME:
        return Builtin(dotted, lambda interpreter, arguments, ref: _by_name(interpreter, dotted, arguments, ref))
    if dotted == "torch.hub.load":
        return Builtin(dotted, _from_hub)
    if dotted.startswith(_SEGMENTATION) and dotted.removeprefix(_SEGMENTATION) in _ENCODED:
        return _segmentation(dotted)
    if dotted in ("efficientnet_pytorch.EfficientNet", "efficientnet_pytorch.model.EfficientNet"):
        return _EFFICIENTNET
    if dotted == "facenet_pytorch.InceptionResnetV1":
        return _constructor(
            dotted, lambda interpreter, arguments, ref: _model(interpreter, "InceptionResnetV1", arguments, ref)
        )
    found = _FUNCTIONS.match(dotted)
    if found is not None and ".detection." not in dotted and has_batchnorm(found[1]) and found[1] not in _MODULES:
        name, library = found[1], dotted.partition(".")[0]
        loaded = library == "pretrainedmodels"
        return Builtin(
            name,
            lambda interpreter, arguments, ref: _model(
                interpreter, name, arguments, ref, loaded=loaded, library=library
            ),
        )
    return None


def has_batchnorm(name: str) -> bool:
    """Whether an architecture of these libraries normalises with BatchNorm by default."""
    return _NAMES.match(name) is not None and _OTHER_NORM.search(name) is None and not name.startswith("mobilenetv5")


def any_model(dotted: str) -> Value:
    """What an unknown name stands for in an external module: if that is a library of models, for any of them."""
    if dotted in ("torchvision.models", "timm.models", "pretrainedmodels"):
        return Builtin("any", lambda interpreter, arguments, ref: _model(interpreter, "any", arguments, ref))
    return Unknown("?", f"an unknown name in `{dotted}`")


def _by_name(interpreter: Interpreter, dotted: str, arguments: Arguments, ref: NodeRef) -> Value:
    name, others = arguments.get(*_BY_NAME[dotted]), arguments.shifted() if arguments.positional else arguments
    if isinstance(name, Unknown):
        # A program that lets its user choose among all models handles those with BatchNorm.
        return _model(interpreter, "any", others, ref)
    if isinstance(name, str) and has_batchnorm(name.rpartition("/")[2].removeprefix("hf_hub:")):
        return _model(interpreter, name, others, ref, library=dotted.partition(".")[0])
    return Unknown("model", f"`{dotted}` is outside the project")


def _from_hub(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    repository, name = arguments.get(0, "repo_or_dir"), arguments.get(1, "model")
    known = repository.partition(":")[0] if isinstance(repository, str) else ""
    if known in _HUB and isinstance(name, str) and has_batchnorm(name) and "source" not in arguments.keywords:
        library = "torchvision" if known == "pytorch/vision" else ""
        given = Arguments(keywords=arguments.keywords)
        return _model(interpreter, name, given, ref, loaded=_HUB[known], library=library)
    return Unknown("model", "`torch.hub.load` is outside the project")


def _segmentation(dotted: str) -> LibraryClass:
    name = dotted.removeprefix(_SEGMENTATION)

    def build(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        encoder = arguments.get(_ENCODED[name], "encoder_name", "resnet34")
        if isinstance(encoder, Unknown) or (isinstance(encoder, str) and has_batchnorm(encoder)):
            # The encoder comes with weights, the rest does not: what it gives means nothing before a training.
            return _model(interpreter, name, Arguments(), ref)
        return Unknown("model", f"`{dotted}` is outside the project")

    return _constructor(dotted, build)


def _constructor(
    dotted: str, build: Callable[[Interpreter, Arguments, NodeRef], Value], members: dict[str, Value] | None = None
) -> LibraryClass:
    """A class of a library, of which calls are known; what inherits from it is not."""
    found = _constructors.get(dotted)
    if found is None:
        found = _constructors[dotted] = LibraryClass(
            dotted, (), (), {"__new__": Builtin("__new__", build), **(members or {})}
        )
    return found


def _model(
    interpreter: Interpreter, name: str, arguments: Arguments, ref: NodeRef, *, loaded: bool = False, library: str = ""
) -> Value:
    """A model with one BatchNorm layer that stands for all of them; `loaded`: with weights unless they are refused."""
    from bn_lint.static.libraries.index import KNOWN

    if not _is_batchnorm(arguments.keywords.get("norm_layer")):
        return Unknown("model", f"`{name}` is given a normalisation of its own")
    model = Instance(_class(name, ten=library in _TEN_IN and _TEN_CHILDREN.match(name) is not None), ref)
    layer = Instance(KNOWN["torch.nn.BatchNorm2d"], None)
    layer.cells.update({MODE: BUILT, FROZEN: None, SYNCED: None, "track_running_stats": True})
    layer.owner, layer.name = model, "bn1"
    model.cells.update({MODE: BUILT, "bn1": layer})
    interpreter.created.append(model)
    first = loaded if loaded or not arguments.positional else arguments.positional[0]
    given = next((arguments.keywords[key] for key in _PRETRAINED if key in arguments.keywords), first)
    if given not in (None, False) and not isinstance(given, Unknown):
        interpreter.events.prepare(model, ref)
    return model


def _is_batchnorm(norm: Value) -> bool:
    """Whether the normalisation that a model is given is BatchNorm."""
    from bn_lint.static.torch_model.batchnorm import BATCHNORM_CLASSES

    inner = norm.function if isinstance(norm, Partial) else norm
    if isinstance(inner, LibraryClass):
        return inner.short_name in BATCHNORM_CLASSES
    return inner is None or inner in ("batchnorm", "batchnorm2d")


def _class(name: str, *, ten: bool) -> LibraryClass:
    found = _classes.get((name, ten))
    if found is None:
        from bn_lint.static.torch_model.operations.layer_table import MODULE

        def forward(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
            return Tensor(ranked=False, why=f"what `{name}` gives is not known")

        children = Builtin("children", _ten_children if ten else _some_children)
        members: dict[str, Value] = {"forward": Builtin("forward", forward), "children": children}
        found = _classes[name, ten] = LibraryClass(f"torchvision.models.{name}", (MODULE,), (), members)
    return found


def _ten_children(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """The children of a ResNet, of which only the second, a BatchNorm layer, stands for itself."""
    return List(
        tuple(
            arguments.positional[0].cells["bn1"] if index == 1 else Unknown(f"children[{index}]", "a part of a model")
            for index in range(10)
        )
    )


def _some_children(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """The children of a model, of which nobody knows how many there are, and where."""
    return List((), (arguments.positional[0].cells["bn1"], Unknown("children", "a part of a model")))


def _efficientnet(*, loaded: bool) -> StaticMethod:
    def build(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        return _model(interpreter, "EfficientNet", Arguments(), ref, loaded=loaded)

    return StaticMethod(Builtin("EfficientNet", build))


_classes: dict[tuple[str, bool], LibraryClass] = {}
_constructors: dict[str, LibraryClass] = {}
_EFFICIENTNET = _constructor(
    "efficientnet_pytorch.EfficientNet",
    lambda interpreter, arguments, ref: _model(interpreter, "EfficientNet", Arguments(), ref),
    {"from_name": _efficientnet(loaded=False), "from_pretrained": _efficientnet(loaded=True)},
)
