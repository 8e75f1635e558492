"""`bn-lint probe`: run a model on tensors without data, to see whether its BatchNorm layers fit."""

from __future__ import annotations

from typing import Any

import click

from bn_lint.cli.commands.findings import FindingsOptions, findings_options, publish
from bn_lint.cli.terminal import printable_lines
from bn_lint.errors import UsageError
from bn_lint.exit import ExitCode


@click.command(short_help="Check a model on fake tensors.")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    required=True,
    metavar="[NAME=]SIZES[:DTYPE]",
    help="The shape of one input, batch first, such as 2,3,224,224, 8,50:int64 or mask=2,1,224,224; once for each "
    "argument.",
)
@click.option("--eval", "evaluation", is_flag=True, help="Run in evaluation mode instead of training mode.")
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    metavar="N",
    help="Samples per epoch, to also try the last, partial batch. Without it, a batch of one is tried.",
)
@findings_options
@click.argument("target", metavar="MODULE:FACTORY")
def command(target: str, inputs: tuple[str, ...], evaluation: bool, samples: int | None, **chosen: Any) -> int:
    """Check a model without data, GPU or memory for activations.

    FACTORY is a function that returns a model, or a model: pkg.module:build or path/to/file.py:net. Arguments are
    literals: 'timm:create_model("resnet18", num_classes=10)'. The model runs on fake tensors; its own parameters and
    buffers are not touched.
    """
    from bn_lint.runtime import torch_is_missing

    if torch_is_missing():
        raise UsageError(
            'bn-lint probe needs PyTorch: run bn-lint in the environment of the model, or install "bn-lint[trace]".'
        )
    from bn_lint.runtime.judging.judge_trace import judge_with
    from bn_lint.runtime.probe import Input, probe

    options = FindingsOptions(**chosen)
    settings = options.configuration()
    result = probe(target, [Input.parse(text) for text in inputs], evaluation=evaluation, samples=samples)
    code = publish(result.document, judge_with(result.document, settings), options, to_stdout=True)
    if not options.for_programs and not options.quiet:
        for line in result.remarks:
            click.echo(printable_lines(line), err=True)
    if result.error is not None:
        click.echo(f"error: {printable_lines(result.error)}", err=True)
    failed = result.error is not None or result.document.failure is not None
    return code or (ExitCode.FAILURE if failed else code)
