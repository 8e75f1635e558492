"""The layers of `torch.nn`, all of them: what the modules of each topic defined, and the ones that keep the shape."""

from __future__ import annotations

from bn_lint.static.interpreter.values import LibraryClass
from bn_lint.static.torch_model.averages import averaged_model
from bn_lint.static.torch_model.batchnorm import BASE_CLASS, BATCHNORM_CLASSES, batchnorm_methods
from bn_lint.static.torch_model.containers import CONTAINER_METHODS
from bn_lint.static.torch_model.operations import convolution, pooling, recurrent, resampling, vectors
from bn_lint.static.torch_model.operations.elementwise import same
from bn_lint.static.torch_model.operations.layer_table import LAYERS, MODULE, initialize, layer
from bn_lint.static.torch_model.operations.reshaping import flatten, unflatten
from bn_lint.static.torch_model.operations.table import parse_signature
from bn_lint.static.torch_model.parallel import data_parallel, distributed

layer("Flatten", "start_dim=1, end_dim=-1", flatten)
layer("Unflatten", "dim, sizes", unflatten)

# -- shape kept -------------------------------------------------------------------------------------------------------

layer("ReLU ReLU6 SELU SiLU Mish Hardswish Hardsigmoid", "inplace=False", same)
layer("LeakyReLU", "negative_slope=0.01, inplace=False", same)
layer("ELU CELU", "alpha=1.0, inplace=False", same)
layer("PReLU", "num_parameters=1, init=0.25", same)
layer("RReLU", "lower=0.125, upper=0.33, inplace=False", same)
layer("GELU", "approximate='none'", same)
layer("Sigmoid Tanh Softsign LogSigmoid Tanhshrink Softmax2d", "", same)
layer("Hardtanh", "min_val=-1.0, max_val=1.0, inplace=False", same)
layer("Softplus", "beta=1, threshold=20", same)
layer("Softshrink Hardshrink", "lambd=0.5", same)
layer("Threshold", "threshold, value, inplace=False", same)
layer("Softmax LogSoftmax Softmin", "dim=None", same)
layer("Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout", "p=0.5, inplace=False", same)
layer("Identity", "", same)
layer("LayerNorm", "normalized_shape, eps=1e-05, elementwise_affine=True, bias=True", same)
layer("RMSNorm", "normalized_shape, eps=None, elementwise_affine=True", same)
layer("GroupNorm", "num_groups, num_channels, eps=1e-05, affine=True", same)
layer("LocalResponseNorm CrossMapLRN2d", "size, alpha=0.0001, beta=0.75, k=1.0", same)
layer("ChannelShuffle", "groups", same)
for _rank in ("1d", "2d", "3d"):
    layer(
        f"InstanceNorm{_rank}", "num_features, eps=1e-05, momentum=0.1, affine=False, track_running_stats=False", same
    )
    layer(f"LazyInstanceNorm{_rank}", "eps=1e-05, momentum=0.1, affine=True, track_running_stats=True", same)

# -- BatchNorm and containers -----------------------------------------------------------------------------------------

_base = MODULE
for _name, _signature in BATCHNORM_CLASSES.items():  # the first one is what the others inherit from
    _parsed = parse_signature(_signature)
    _dotted = f"torch.nn.modules.batchnorm.{_name}" if _name == BASE_CLASS else f"torch.nn.{_name}"
    LAYERS[_dotted] = LibraryClass(_dotted, (_base,), _parsed, batchnorm_methods(_name, initialize(_parsed)))
    if _name == BASE_CLASS:
        _base = LAYERS[_dotted]
for _name, _methods in CONTAINER_METHODS.items():
    LAYERS[f"torch.nn.{_name}"] = LibraryClass(f"torch.nn.{_name}", (MODULE,), (), _methods)
LAYERS["torch.optim.swa_utils.AveragedModel"] = averaged_model(LAYERS["torch.nn.DataParallel"])
LAYERS["torch.nn.parallel.DistributedDataParallel"] = distributed(LAYERS["torch.nn.DataParallel"])
LAYERS["torch.nn.DataParallel"] = data_parallel(LAYERS["torch.nn.DataParallel"])
LAYERS["torch.nn.parallel.DataParallel"] = LAYERS["torch.nn.DataParallel"]
for _name in ("QuantStub", "DeQuantStub"):
    for _module in ("torch.ao.quantization", "torch.quantization"):
        LAYERS[f"{_module}.{_name}"] = LAYERS["torch.nn.Identity"]

#: Importing these modules defines their layers.
TOPICS = (convolution, pooling, recurrent, resampling, vectors)

__all__ = ["LAYERS", "TOPICS"]
