from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import UNKNOWN, ModeAccess
from bn_lint.rule import Applicability, Edit, Fix, Severity, Violation, rule

#: Calls that can only have meant `train()`.
_TRAIN = frozenset({"train_mode", "training"})


@rule("BN102", "mode-call-mistake", severity=Severity.ERROR, since="0.1.0")
def mode_call_mistake(access: ModeAccess) -> Iterator[Violation]:
    """A switch between training and evaluation that does not switch.

    ## What it does
    Reports `model.eval` without parentheses, `model.training = False`, `model.eval = True`, `model.train("eval")`,
    and calls of methods that `nn.Module` does not have, such as `model.evaluate()`.

    ## Why is this bad?
    `model.eval` alone reads a method and throws it away: BatchNorm goes on with the statistics of each batch, and
    validation data moves its running statistics. Assigning `training` reaches only the outermost module, none of the
    layers inside. Assigning `eval` or `train` hides the method. The other forms raise an exception when they run.

    ## Example
    ```python
    from torch import nn

    model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8))
    model.eval
    ```

    ## Use instead
    ```python
    from torch import nn

    model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8))
    model.eval()
    ```

    ## Fix safety
    Unsafe, because the fix makes the switch happen: from then on the program computes with other statistics, or gets
    past a line that raised an exception. Assigned methods (`model.eval = True`) are left to the author.

    ## Known limits
    Apart from missing parentheses, a statement is reported only where the file shows that the receiver is a module.
    Setting `self.training` inside a module is taken as intended, and `self.part.training = True` in a constructor
    changes nothing.

    ## References
    - [torch.nn.Module.eval](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.eval)
    """
    if access.kind == "statement" and access.is_module is not False:
        yield _not_called(access)
    elif access.is_module is True and access.kind == "assignment":
        yield from _assigned(access)
    elif access.is_module is True and access.kind == "call":
        yield _called_wrongly(access)


def _not_called(access: ModeAccess) -> Violation:
    end = access.place.end_line, access.place.end_column
    after = type(access.place)(access.place.path, *end, *end)
    call = f"{access.receiver}.{access.name}()"
    return Violation(
        f"`{access.receiver}.{access.name}` is not called, so the mode does not change",
        access.place,
        help=f"write `{call}`",
        fix=Fix(Applicability.UNSAFE, (Edit(after, "()"),)),
    )


def _assigned(access: ModeAccess) -> Iterator[Violation]:
    target = f"{access.receiver}.{access.name}"
    if access.name != "training":
        if access.value is not UNKNOWN:
            hidden = "the option" if access.receiver_is_self else "the mode"
            call = f"`{access.receiver}.{access.name}()`"
            yield Violation(
                f"`{target} = {access.value!r}` replaces the method `{access.name}` of the module by a value",
                access.place,
                help=f"give {hidden} another name" if access.receiver_is_self else f"switch {hidden} with {call}",
            )
    elif isinstance(access.value, bool) and not access.receiver_is_self:
        name = "train" if access.value else "eval"
        yield Violation(
            f"`{target} = {access.value}` leaves every layer inside `{access.receiver}` in its old mode",
            access.place,
            help=f"write `{access.receiver}.{name}()`",
            fix=_call(access, name),
        )


def _called_wrongly(access: ModeAccess) -> Violation:
    call = f"{access.receiver}.{access.name}"
    if access.name == "train":
        raised = f"`{call}({access.value!r})` raises ValueError: the mode must be True or False"
        right = "eval" if _wants_eval(access) else "train"
        return Violation(raised, access.place, help=f"write `{access.receiver}.{right}()`", fix=_call(access, right))
    if access.name == "eval":
        raised = f"`{call}({access.value!r})` raises TypeError: `eval` takes no argument"
        return Violation(raised, access.place, help=f"use `{access.receiver}.train(mode)` for a mode that varies")
    if access.name == "training":
        raised = f"`{call}()` raises TypeError: `training` is a flag, not a method"
    else:
        raised = f"`{call}()` raises AttributeError: a module has no method `{access.name}`"
    right = "train" if access.name in _TRAIN else "eval"
    return Violation(raised, access.place, help=f"write `{access.receiver}.{right}()`", fix=_call(access, right))


def _wants_eval(access: ModeAccess) -> bool:
    return not access.value or str(access.value).lower() in ("eval", "evaluation", "test", "val", "false")


def _call(access: ModeAccess, name: str) -> Fix:
    return Fix(Applicability.UNSAFE, (Edit(access.place, f"{access.receiver}.{name}()"),))
