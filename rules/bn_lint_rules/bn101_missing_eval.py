from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import Evidence, Mode, ModelCall, Purpose, Shows
from bn_lint.rule import Confirmation, Severity, Violation, rule
from bn_lint_rules.switching import with_eval


@rule(
    "BN101",
    "missing-eval",
    severity=Severity.WARNING,
    since="0.1.0",
    confirmed_by=Confirmation.MODEL_CALL,
    same_as=("BN104",),
)
def missing_eval(call: ModelCall) -> Iterator[Violation]:
    """A model with BatchNorm is evaluated in training mode.

    ## What it does
    Reports a call of a model whose result is only looked at, while BatchNorm layers inside are in training mode:
    nothing put the model in evaluation mode for it, or a `train` override of the program did not pass `eval()` on to
    them. With gradients switched on, the call must be apart from the training, or be given other data.

    ## Why is this bad?
    `torch.no_grad()` does not switch BatchNorm. In training mode each image is normalized with the statistics of the
    batch it happens to be in, so predictions depend on their neighbors; and the running statistics are moved by the
    data that was meant for validation. Nothing fails, the numbers are just not those of the trained model.

    ## Example
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.randn(24, 3, 8, 8), torch.randint(10, (24,))

    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images[:16]), labels[:16]).backward()
        optimizer.step()
    with torch.no_grad():
        accuracy = (net(images[16:]).argmax(1) == labels[16:]).float().mean()
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.randn(24, 3, 8, 8), torch.randint(10, (24,))

    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images[:16]), labels[:16]).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        accuracy = (net(images[16:]).argmax(1) == labels[16:]).float().mean()
    ```

    ## Fix safety
    Unsafe, because the program computes with other statistics afterward. The fix calls `eval()` before the lines
    that the model is called for, and `train()` behind them if training goes on and nothing else switches the model
    on. It is offered where the model has a name there.

    ## Known limits
    Training mode can be intended: for the statistics of a generator, for `update_bn` and similar functions, for
    teachers. Where two networks take turns in training, as in a GAN, the finding is of severity `info`, unless the
    other one is evaluated in the same lines, in evaluation mode. It is of severity `info`, too, where the file, or
    the one that loads the weights, has the call that is missing in a comment, `# net.eval()`, or the class of the
    model has it there for a part: its author has decided on it. A model that is trained and evaluated with batches of
    one, in one program or in two, has learned to work with the statistics of each sample; BN203 says so of the
    training. A network that is fitted to one input, such as an image prior, and asked for this very input, has the
    statistics of its training: severity `info`. A pretrained network with a new head that nothing has trained is only
    tried out.

    A model that is made out of view, such as a parameter or what `torch.load` gives, is checked by what the program
    does to it, in projects that build BatchNorm: it was put in training mode for a training before.

    ## References
    - [torch.nn.Module.eval](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.eval)
    - [Autograd mechanics: locally disabling gradients, and evaluation mode](https://docs.pytorch.org/docs/stable/notes/autograd.html#evaluation-mode-nn-module-eval)
    """
    if call.purpose is not Purpose.EVALUATION or call.mode is not Mode.TRAINING:
        return
    if call.switch_is_local and call.override is None:
        return  # the evaluation itself called train(): BN104
    if call.replaced is not None:
        return  # eval() was called, and layers were put in afterward: BN114
    is_meant = call.adversarial or call.is_declined or call.only_input
    severity = Severity.INFO if is_meant else Severity.ERROR if call.certain else None
    if call.others:
        other = call.others[0].subject
        story = f"only {'another one' if other == call.model else f'`{other}`'} is put in evaluation mode"
    elif call.grad is False:
        story = f"{_without_gradients(call.because)} does not switch BatchNorm"
    else:
        story = "nothing calls eval() before"
    remedy = f"call {call.model}.eval() before, and {call.model}.train() when training goes on"
    if call.override is not None:
        method = call.override.subject
        story = f"`{method}` does not pass eval() on to every layer"
        remedy = f"give `{method}` the mode, and let it call super().train(mode)"
    yield Violation(
        f"`{call.model}` is evaluated in training mode: {story}",
        call.place,
        tuple(
            step
            for step in (call.likely, call.override, call.because, call.switch, *call.others, *call.path)
            if step is not None
        ),
        help=remedy,
        severity=severity,
        fix=with_eval(call) if call.override is None else None,
    )


def _without_gradients(because: Evidence | None) -> str:
    """What the program wrote to be without gradients."""
    if because is not None and because.shows is Shows.VOLATILE:
        return "volatile=True"
    return f"{because.subject}()" if because is not None and because.shows is Shows.GRADIENTS_OFF else "no_grad()"
