"""The shape rules against PyTorch itself: random layers and inputs give the shapes that PyTorch gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bn_lint.project.source import Source
from bn_lint.static.analyze import analyze

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.slow

#: Programs that are analyzed in one go; the analysis of one alone is mostly overhead.
BATCH = 8

small, size = st.integers(1, 4), st.integers(1, 9)
flag = st.booleans()
Program = tuple[str, tuple[int, ...]]


@st.composite
def shapes(draw: st.DrawFn, rank: int | None = None, least: int = 1) -> tuple[int, ...]:
    count = draw(st.integers(1, 4)) if rank is None else rank
    return tuple(draw(st.integers(least, 9)) for _ in range(count))


@st.composite
def several(draw: st.DrawFn, values: st.SearchStrategy[int], count: int) -> str:
    """One number for all axes, or a tuple of them."""
    if draw(flag):
        return str(draw(values))
    return repr(tuple(draw(values) for _ in range(count)))


@st.composite
def convolution(draw: st.DrawFn) -> Program:
    count, groups = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    inp, oup = groups * draw(small), groups * draw(small)
    options = {
        "kernel_size": draw(several(small, count)),
        "stride": draw(several(st.integers(1, 3), count)),
        "padding": draw(several(st.integers(0, 3), count)),
        "dilation": draw(several(st.integers(1, 2), count)),
        "groups": str(groups),
    }
    if draw(flag) and options["stride"] == "1":
        options["padding"] = draw(st.sampled_from(["'same'", "'valid'"]))
    batch = draw(st.sampled_from([(), (2,)]))
    x = (*batch, inp, *draw(shapes(count, least=4)))
    return f"nn.Conv{count}d({inp}, {oup}, {_written(options)})(x)", x


@st.composite
def transposed_convolution(draw: st.DrawFn) -> Program:
    count, groups = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    inp, oup = groups * draw(small), groups * draw(small)
    options = {
        "kernel_size": draw(several(small, count)),
        "stride": draw(several(st.integers(1, 3), count)),
        "padding": draw(several(st.integers(0, 2), count)),
        "output_padding": draw(several(st.integers(0, 1), count)),
        "dilation": draw(several(st.integers(1, 2), count)),
        "groups": str(groups),
    }
    return f"nn.ConvTranspose{count}d({inp}, {oup}, {_written(options)})(x)", (2, inp, *draw(shapes(count)))


@st.composite
def functional_convolution(draw: st.DrawFn) -> Program:
    transposed, groups = draw(flag), draw(st.integers(1, 2))
    inp, oup = groups * draw(small), groups * draw(small)
    weight = (inp, oup // groups) if transposed else (oup, inp // groups)
    name = "conv_transpose2d" if transposed else "conv2d"
    options = {"stride": draw(several(st.integers(1, 3), 2)), "padding": draw(several(st.integers(0, 2), 2))}
    kernel = (draw(small), draw(small))
    call = f"F.{name}(x, torch.zeros({(*weight, *kernel)}), groups={groups}, {_written(options)})"
    return call, (2, inp, *draw(shapes(2, least=4)))


@st.composite
def pooling(draw: st.DrawFn) -> Program:
    count, kind = draw(st.integers(1, 3)), draw(st.sampled_from(["Max", "Avg", "LP"]))
    if kind == "LP" and count == 3:
        count = 2
    options = {"kernel_size": draw(several(small, count)), "ceil_mode": repr(draw(flag))}
    if draw(flag):
        options["stride"] = draw(several(st.integers(1, 4), count))
    if kind != "LP":
        options["padding"] = draw(several(st.integers(0, 2), count))
    if kind == "Max":
        options["dilation"] = draw(several(st.integers(1, 2), count))
    first = "2.0, " if kind == "LP" else ""
    x = (2, 3, *draw(shapes(count, least=3)))
    if draw(flag):
        return f"F.{kind.lower()}_pool{count}d(x, {first}{_written(options)})", x
    return f"nn.{kind}Pool{count}d({first}{_written(options)})(x)", x


@st.composite
def adaptive_pooling(draw: st.DrawFn) -> Program:
    count = draw(st.integers(1, 3))
    wanted = draw(st.one_of(small, st.tuples(*[st.one_of(st.none(), small)] * count)))
    assume(not (count == 1 and wanted == (None,)))
    return f"nn.AdaptiveAvgPool{count}d({wanted})(x)", (2, 3, *draw(shapes(count)))


@st.composite
def padding(draw: st.DrawFn) -> Program:
    x = draw(shapes(4, least=4))
    amounts = draw(st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 3)), min_size=1, max_size=4))
    flat = [one for pair in amounts for one in pair]
    if draw(flag):
        return f"F.pad(x, {flat})", x
    return f"nn.ZeroPad2d({draw(several(st.integers(0, 3), 4))})(x)", x


@st.composite
def resampling(draw: st.DrawFn) -> Program:
    x, factor = draw(shapes(4, least=2)), draw(st.integers(1, 3))
    wide = (x[0], x[1] * factor**2, *x[2:])
    tall = (*x[:2], *(one * factor for one in x[2:]))
    sizes, scale = draw(several(size, 2)), draw(st.sampled_from(["0.5", "1.5", "2", "(2, 0.75)"]))
    return draw(
        st.sampled_from(
            [
                (f"F.interpolate(x, size={sizes})", x),
                (f"F.interpolate(x, scale_factor={scale})", x),
                (f"nn.Upsample({sizes})(x)", x),
                (f"nn.Upsample(scale_factor={scale})(x)", x),
                (f"nn.PixelShuffle({factor})(x)", wide),
                (f"F.pixel_unshuffle(x, {factor})", tall),
                (f"nn.Unfold({factor}, padding=1, stride=2)(x)", x),
                (f"F.unfold(x, ({factor}, 2), dilation=2, padding=2)", x),
                (f"x.unfold(2, 2, {factor})", x),
            ]
        )
    )


@st.composite
def vectors(draw: st.DrawFn) -> Program:
    x = draw(shapes())
    return draw(
        st.sampled_from(
            [
                (f"nn.Linear({x[-1]}, 7)(x)", x),
                (f"F.linear(x, torch.zeros(5, {x[-1]}))", x),
                ("nn.Embedding(10, 6)(x.long())", x),
                ("F.one_hot(x.long(), 4)", x),
                (f"nn.GLU(0)(torch.zeros({(2 * x[0], *x[1:])}))", x),
            ]
        )
    )


@st.composite
def recurrent(draw: st.DrawFn) -> Program:
    kind, x = draw(st.sampled_from(["LSTM", "GRU", "RNN"])), draw(shapes(draw(st.sampled_from([2, 3]))))
    options = {name: repr(draw(flag)) for name in ("batch_first", "bidirectional")}
    options["num_layers"] = str(draw(st.integers(1, 3)))
    part = draw(st.sampled_from(["[0]", "[1]"]))
    if kind == "LSTM":
        options["proj_size"] = str(draw(st.integers(0, 2)))
        part = draw(st.sampled_from(["[0]", "[1][0]", "[1][1]"]))
    return f"nn.{kind}({x[-1]}, 5, {_written(options)})(x){part}", x


@st.composite
def flattening(draw: st.DrawFn) -> Program:
    x = draw(shapes())
    bounds = st.integers(-len(x), len(x) - 1)
    first, last = draw(bounds), draw(bounds)
    forms = ["x.flatten({}, {})", "torch.flatten(x, {}, {})", "nn.Flatten({}, {})(x)"]
    return draw(st.sampled_from(forms)).format(first, last), x


@st.composite
def viewing(draw: st.DrawFn) -> Program:
    x = draw(shapes())
    sizes = list(draw(st.permutations(x)))
    while len(sizes) > 1 and draw(flag):
        sizes[:2] = [sizes[0] * sizes[1]]
    if draw(flag):
        sizes[draw(st.integers(0, len(sizes) - 1))] = -1
    forms = ["x.view({})", "x.reshape(({},))", "torch.reshape(x, [{}])"]
    return draw(st.sampled_from(forms)).format(", ".join(map(str, sizes))), x


@st.composite
def moving(draw: st.DrawFn) -> Program:
    x = draw(shapes())
    axis = st.integers(-len(x), len(x) - 1)
    first, second, order = draw(axis), draw(axis), tuple(draw(st.permutations(range(len(x)))))
    new = draw(st.integers(-len(x) - 1, len(x)))
    return draw(
        st.sampled_from(
            [
                (f"x.permute{order}" if len(order) > 1 else "x.permute(0)", x),
                (f"torch.permute(x, {order})", x),
                (f"x.transpose({first}, {second})", x),
                (f"x.movedim({first}, {second})", x),
                (f"x.unsqueeze({new})", x),
                (f"x.squeeze({first})", x),
                ("x.squeeze()", x),
                (f"x.select({first}, 0)", x),
                (f"x.unbind({first})[0]", x),
            ]
        )
    )


@st.composite
def combining(draw: st.DrawFn) -> Program:
    x = draw(shapes())
    dim, count = draw(st.integers(-len(x), len(x) - 1)), draw(st.integers(1, 5))
    other = list(x)
    other[dim] = draw(size)
    new = draw(st.integers(-len(x) - 1, len(x)))
    return draw(
        st.sampled_from(
            [
                (f"torch.cat([x, torch.zeros({tuple(other)})], {dim})", x),
                (f"torch.cat([x] * {count}, dim={dim})", x),
                (f"torch.stack([x] * {count}, {new})", x),
                (f"x.chunk({count}, {dim})[0]", x),
                (f"x.chunk({count}, {dim})[-1]", x),
                (f"torch.zeros(len(x.chunk({count}, {dim})))", x),
                (f"torch.split(x, {count}, {dim})[-1]", x),
                (f"x.tensor_split({count}, {dim})[0]", x),
                (f"torch.repeat_interleave(x, {count}, {dim})", x),
                (f"x.repeat({', '.join(map(str, (2, *other)))})", x),
                (f"torch.hstack([x] * {count})", x),
                (f"torch.vstack([x] * {count})", x),
                (f"torch.dstack([x] * {count})", x),
            ]
        )
    )


@st.composite
def reducing(draw: st.DrawFn) -> Program:
    x = draw(shapes())
    name = draw(st.sampled_from(["mean", "sum", "amax", "std", "logsumexp"]))
    dims = draw(st.lists(st.integers(0, len(x) - 1), unique=True, min_size=1))
    dims = [dim - len(x) if draw(flag) else dim for dim in dims]
    keepdim, first = draw(flag), dims[0]
    return draw(
        st.sampled_from(
            [
                (f"x.{name}({tuple(dims)}, keepdim={keepdim})", x),
                (f"torch.{name}(x, {first}, keepdim={keepdim})", x),
                (f"x.max({first}, {keepdim})[0]", x),
                (f"torch.min(x, dim={first}).values", x),
                (f"x.argmax({first}, keepdim={keepdim})", x),
                (f"x.norm(2, {first}, {keepdim})", x),
                (f"x.topk(1, {first}).indices", x),
                (f"x.cumsum({first})", x),
                ("x.mean()", x),
            ]
        )
    )


@st.composite
def broadcasting(draw: st.DrawFn) -> Program:
    x = draw(shapes())
    other = [one if draw(flag) else 1 for one in x][draw(st.integers(0, len(x))) :]
    if draw(flag):
        other = [draw(small), *x]
    operation = draw(st.sampled_from(["x + {}", "{} * x", "torch.maximum(x, {})", "torch.where(x > 0, x, {})"]))
    return operation.format(f"torch.zeros({tuple(other)})"), x


@st.composite
def multiplying(draw: st.DrawFn) -> Program:
    x = draw(shapes())
    batch = tuple(one if draw(flag) else 1 for one in x[:-2])[draw(st.integers(0, 2)) :]
    second = draw(st.sampled_from([(x[-1],), (x[-1], 5), (*batch, x[-1], 5), (2, *x[:-2], x[-1], 5)]))
    operation = draw(st.sampled_from(["x @ {}", "torch.matmul(x, {})"]))
    return operation.format(f"torch.zeros({second})"), x


@st.composite
def indexing(draw: st.DrawFn) -> Program:
    x = draw(shapes())
    bound = st.one_of(st.none(), st.integers(-10, 10))
    parts = []
    for one in x[: draw(st.integers(1, len(x)))]:
        start, stop = draw(bound), draw(bound)
        part = f"{'' if start is None else start}:{'' if stop is None else stop}"
        position = str(draw(st.integers(-one, one - 1)))
        parts.append(draw(st.sampled_from([part, f"{part}:2", position, "None"])))
    if draw(flag):
        parts[draw(st.integers(0, len(parts) - 1))] = "..."
    return f"x[{', '.join(parts)}]", x


def _written(options: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in options.items())


FAMILIES: list[Callable[[], st.SearchStrategy[Program]]] = [
    convolution,
    transposed_convolution,
    functional_convolution,
    pooling,
    adaptive_pooling,
    padding,
    resampling,
    vectors,
    recurrent,
    flattening,
    viewing,
    moving,
    combining,
    reducing,
    broadcasting,
    multiplying,
    indexing,
]


def in_pytorch(text: str, sizes: tuple[int, ...]) -> str | None:
    """The shape that PyTorch gives; None when it refuses."""
    with torch.no_grad():
        names = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "x": torch.zeros(sizes)}
        try:
            result = eval(text, names)
        except (IndexError, RuntimeError, TypeError, ValueError):
            return None
    return f"({', '.join(map(str, result.shape))})"


def in_analysis(programs: list[Program]) -> list[str]:
    """The shapes that bn-lint gives."""
    lines = ["import torch", "import torch.nn.functional as F", "from torch import nn"]
    for text, sizes in programs:
        lines += [f"x = torch.zeros({sizes})", f"reveal({text})"]
    source = Source(Path("/project/test.py"), "test.py", "\n".join(lines) + "\n")
    return [shown.message for shown in analyze([source]).revealed]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_shapes_are_what_pytorch_says(family: Callable[[], st.SearchStrategy[Program]]) -> None:
    @settings(max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(family(), min_size=BATCH, max_size=BATCH))
    def check(programs: list[Program]) -> None:
        expected = {program: shape for program in programs if (shape := in_pytorch(*program)) is not None}
        assert dict(zip(expected, in_analysis(list(expected)), strict=True)) == expected

    check()
