from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import Mode, ModelCall, Purpose
from bn_lint.rule import Confirmation, Severity, Violation, rule
from bn_lint_rules.switching import with_eval


@rule("BN112", "teacher-in-train-mode", severity=Severity.WARNING, since="0.1.0", confirmed_by=Confirmation.MODEL_CALL)
def teacher_in_train_mode(call: ModelCall) -> Iterator[Violation]:
    """A frozen teacher runs in training mode.

    ## What it does
    Reports a network whose parameters are frozen and whose results another network is trained on, while its BatchNorm
    layers are in training mode. A run also shows that of networks that were trained before, or loaded, and that stay
    as they are.

    ## Why is this bad?
    Frozen parameters do not freeze the running statistics: the teacher changes with every batch, and what it says
    about an image depends on the others of its batch. Often `student.train()` reaches a teacher that is an attribute
    of the student.

    ## Example
    ```python
    import torch
    from torch import nn

    teacher = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    student = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 10))
    teacher.requires_grad_(False)
    optimizer = torch.optim.SGD(student.parameters(), lr=0.1)
    images = torch.randn(16, 3, 8, 8)

    for _ in range(3):
        with torch.no_grad():
            target = teacher(images)
        optimizer.zero_grad()
        nn.functional.mse_loss(student(images), target).backward()
        optimizer.step()
    ```

    ## Use instead
    ```python
    import torch
    from torch import nn

    teacher = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    student = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 10))
    teacher.requires_grad_(False)
    optimizer = torch.optim.SGD(student.parameters(), lr=0.1)
    images = torch.randn(16, 3, 8, 8)
    teacher.eval()

    for _ in range(3):
        with torch.no_grad():
            target = teacher(images)
        optimizer.zero_grad()
        nn.functional.mse_loss(student(images), target).backward()
        optimizer.step()
    ```

    ## Fix safety
    Unsafe, because the program computes with other statistics afterward. The fix calls `eval()` before the lines
    that the model is called for. It is offered where the model has a name there.

    ## Known limits
    Some methods want the teacher in training mode, such as those whose target network is an average of the student.
    Networks whose weights change while they are used are reported with severity `info`.

    ## References
    - [torch.nn.Module.eval](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.eval)
    - [Autograd mechanics: locally disabling gradients, and evaluation mode](https://docs.pytorch.org/docs/stable/notes/autograd.html#evaluation-mode-nn-module-eval)
    """
    if call.purpose is not Purpose.REFERENCE or call.mode is not Mode.TRAINING or call.adversarial:
        return
    state = "frozen but runs" if call.frozen is not None else "not trained itself, and runs"
    yield Violation(
        f"`{call.model}` is {state} in training mode: its BatchNorm statistics change with every batch",
        call.place,
        tuple(step for step in (call.frozen, call.switch, call.because, *call.path) if step is not None),
        help=f"call {call.model}.eval(), and see that train() of a module around it does not undo that",
        severity=Severity.INFO if call.frozen is None else None,
        fix=with_eval(call),
    )
