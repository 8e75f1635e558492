"""Names of architectures, which libraries of models share.

That an architecture has BatchNorm is a fact about a release: the names here are those of torchvision 0.28, timm 1.0,
pretrainedmodels 0.7, pytorchcv 0.0.74 and resnest 0.0.5 (`python -m benchmarks.zoo` builds them all and compares).
Elsewhere a `resnet18` may have GroupNorm, or none at all, and nothing is said about it.
"""

from __future__ import annotations

import re

#: Expressions for text, in small letters, that may build a model of a project's own, which need not be mentioned
#: together with BatchNorm. They begin with letters, which are found fast; where words begin is looked at behind these.
MENTIONS = (
    (
        r"resne(?:(?<=\bresne)|(?<=\bwideresne)|(?<=\bwide_resne)|(?<=\bpreactresne)|(?<=\bpreact_resne)"
        r"|(?<=\bpre_actresne)|(?<=\bpre_act_resne))[xs]?t"
    ),
    r"densenet(?<=\bdensenet)",
    r"mobilenet(?<=\bmobilenet)",
    r"efficientnet(?<=\befficientnet)",
)
#: Parts of the names of architectures with BatchNorm, in small letters.
NAMED = r"resne[xs]?t|densenet|googlenet|inception|mobilenet|mnasnet|shufflenet|efficientnet|regnet|xception|_bn\b"
#: How names of functions begin that may build models.
NAMES = r"(?:wide_)?(?:resne|densenet|efficientnet|mobilenet|googlenet|inception|regnet)"

#: Endings of the names of variants with another normalization: GroupNorm, EvoNorm, filter response normalization.
_OTHER_NORM = re.compile(r"_(?:gn|sgn|evos|frn|bit|bitm)(?:[._]|$)")
#: Architectures that normalize with BatchNorm, by the beginning of their names. Modules, such as `resnet`, have none.
_BATCHNORM = re.compile(
    r"(?:wide_|tv_|tf_|ig_|ssl_|swsl_|gluon_|legacy_|timm-|tu-|gpu_|nvidia_|dino_)*"
    r"(?:(?:se_?|eca_?|sk|gc|csp|caffe|fb|pre|sepre)?resne[xs]?t\d|resnest\d|resnetv2_\d|resnetrs\d|resnetblur\d|resnetaa\d|"
    r"densenet\d|googlenet$|bninception$|inception_?(?:v\d|resnet_?v2|next)|mobilenet_?v[1-4](?:_|$)|mnasnet_?\d|"
    r"shufflenet_v2|efficientnet(?:v2)?[_-][a-z]|efficientnet_v2|regnet_?[a-z]_?\d|xception(?:\d|$)|hrnet_w\d|"
    r"dla\d|dpn\d|vgg\d+_bn|rexnetr?_\d|ghostnet(?:v[23])?_\d|res2ne[xs]?t\d|repvgg_[a-d]|(?:csp|se)?darknet(?:aa)?\d|"
    r"(?:ese_|eca_)?vovnet\d|selecsls\d|nasnetal|nasnetamobile|pnasnet5|polynet|senet154|mixnet_|tinynet_|lcnet_\d|"
    r"fbnet(?:c|v3)_|s[ep]m?nasnet_\d|hardcorenas_|mobileone_s|mobilevit(?:v2)?_|r3d_18$|mc3_18$|r2plus1d_18$|s3d$|fcn_resnet|deeplabv3_|lraspp_)"
)
#: Of the ResNets of some libraries the children are known by their positions.
_RESNET = re.compile(r"(?:wide_)?resne[xt]{1,2}\d+(?:_(?:\d+|\d+x\d+d))?(?:\.|$)")
#: Which parts with BatchNorm have a name of their own, by architecture: the first that fits tells.
_PARTS = (
    (re.compile(r"(?:fcn_resnet|deeplabv3_|lraspp_)"), ("backbone", "classifier")),
    (
        re.compile(r"(?:\w*[_-])?(?:wide_|se_?|eca_?|sk|gc)?resne[xs]?t\d|resnest\d"),
        ("layer1", "layer2", "layer3", "layer4"),
    ),
    (re.compile(r"densenet\d|vgg\d+_bn|mobilenet_v[23]|efficientnet_(?:b\d|v2_[sml]$)"), ("features",)),
    (re.compile(r"(?:any$)"), ("layer1", "layer2", "layer3", "layer4", "features", "backbone")),
)
#: Modules whose names look like those of architectures.
_MODULES = frozenset({"mobilenetv2", "mobilenetv3", "shufflenetv2"})


def has_batchnorm(name: str) -> bool:
    """Whether an architecture of these libraries normalizes with BatchNorm by default."""
    return (
        _BATCHNORM.match(name) is not None and _OTHER_NORM.search(name) is None and not name.startswith("mobilenetv5")
    )


def is_resnet(name: str) -> bool:
    """Whether an architecture is a plain ResNet, ResNeXt or wide ResNet."""
    return _RESNET.match(name) is not None


def parts_of(name: str) -> tuple[str, ...]:
    """The attributes of a model of an architecture, or of any, that are parts with BatchNorm layers."""
    return next((parts for pattern, parts in _PARTS if pattern.match(name)), ())


def is_module(name: str) -> bool:
    """Whether a name of an architecture is that of the module with its functions."""
    return name in _MODULES
