"""What programs are made of: the nodes of libcst that mean something, without the layout around them.

A file is lowered into them once (`lower.py`), and the engine reads nothing else. Classes and fields have the names that
libcst gives them. Sequences are tuples, and where libcst has a sentinel there is None. Nodes are compared by identity
and are never changed. There is one object for each operator. The module is long because it is a list.
"""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Callable, Iterator
from dataclasses import Field, dataclass, field
from operator import attrgetter
from typing import Any, ClassVar, Union
from typing import TypeAlias as Alias


class CSTNode:
    """Any node."""

    __slots__ = ()


@dataclass(slots=True, eq=False, repr=False)
class BaseExpression(CSTNode):
    """An expression.

    Attributes:
        parentheses: How many pairs of parentheses are around it.
    """

    parentheses: int = field(default=0, kw_only=True)


# -- expressions ---------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False, repr=False)
class Name(BaseExpression):
    value: str


@dataclass(slots=True, eq=False, repr=False)
class Attribute(BaseExpression):
    value: BaseExpression
    attr: Name


@dataclass(slots=True, eq=False, repr=False)
class BaseNumber(BaseExpression):
    """A number.

    Attributes:
        value: How it is written.
    """

    value: str

    @property
    def evaluated_value(self) -> Any:
        return literal_eval(self.value)


class Integer(BaseNumber):
    __slots__ = ()


class Float(BaseNumber):
    __slots__ = ()


class Imaginary(BaseNumber):
    __slots__ = ()


class BaseString(BaseExpression):
    __slots__ = ()


@dataclass(slots=True, eq=False, repr=False)
class SimpleString(BaseString):
    """A string that is written in one piece.

    Attributes:
        value: How it is written, with its quotation marks.
    """

    value: str

    @property
    def evaluated_value(self) -> str | bytes:
        found: str | bytes = literal_eval(self.value)
        return found


@dataclass(slots=True, eq=False, repr=False)
class ConcatenatedString(BaseString):
    left: SimpleString | FormattedString
    right: SimpleString | FormattedString | ConcatenatedString


@dataclass(slots=True, eq=False, repr=False)
class FormattedString(BaseString):
    parts: tuple[BaseFormattedStringContent, ...]
    start: str = 'f"'
    end: str = '"'


class BaseFormattedStringContent(CSTNode):
    __slots__ = ()


@dataclass(slots=True, eq=False, repr=False)
class FormattedStringText(BaseFormattedStringContent):
    value: str


@dataclass(slots=True, eq=False, repr=False)
class FormattedStringExpression(BaseFormattedStringContent):
    expression: BaseExpression
    conversion: str | None = None
    format_spec: tuple[BaseFormattedStringContent, ...] | None = None


@dataclass(slots=True, eq=False, repr=False)
class TemplatedString(BaseString):
    parts: tuple[BaseTemplatedStringContent, ...]
    start: str = 't"'
    end: str = '"'


class BaseTemplatedStringContent(CSTNode):
    __slots__ = ()


@dataclass(slots=True, eq=False, repr=False)
class TemplatedStringText(BaseTemplatedStringContent):
    value: str


@dataclass(slots=True, eq=False, repr=False)
class TemplatedStringExpression(BaseTemplatedStringContent):
    expression: BaseExpression
    conversion: str | None = None
    format_spec: tuple[BaseTemplatedStringContent, ...] | None = None


class Ellipsis(BaseExpression):  # noqa: A001
    __slots__ = ()


@dataclass(slots=True, eq=False, repr=False)
class Comparison(BaseExpression):
    left: BaseExpression
    comparisons: tuple[ComparisonTarget, ...]


@dataclass(slots=True, eq=False, repr=False)
class ComparisonTarget(CSTNode):
    operator: BaseCompOp
    comparator: BaseExpression


@dataclass(slots=True, eq=False, repr=False)
class UnaryOperation(BaseExpression):
    operator: BaseUnaryOp
    expression: BaseExpression


@dataclass(slots=True, eq=False, repr=False)
class BinaryOperation(BaseExpression):
    left: BaseExpression
    operator: BaseBinaryOp
    right: BaseExpression


@dataclass(slots=True, eq=False, repr=False)
class BooleanOperation(BaseExpression):
    left: BaseExpression
    operator: BaseBooleanOp
    right: BaseExpression


@dataclass(slots=True, eq=False, repr=False)
class Call(BaseExpression):
    func: BaseExpression
    args: tuple[Arg, ...] = ()


@dataclass(slots=True, eq=False, repr=False)
class Arg(CSTNode):
    value: BaseExpression
    keyword: Name | None = None
    star: str = ""


@dataclass(slots=True, eq=False, repr=False)
class Subscript(BaseExpression):
    value: BaseExpression
    slice: tuple[SubscriptElement, ...]


@dataclass(slots=True, eq=False, repr=False)
class SubscriptElement(CSTNode):
    slice: BaseSlice
    comma: bool = False


class BaseSlice(CSTNode):
    __slots__ = ()


@dataclass(slots=True, eq=False, repr=False)
class Index(BaseSlice):
    value: BaseExpression
    star: str | None = None


@dataclass(slots=True, eq=False, repr=False)
class Slice(BaseSlice):
    lower: BaseExpression | None
    upper: BaseExpression | None
    step: BaseExpression | None = None


@dataclass(slots=True, eq=False, repr=False)
class Lambda(BaseExpression):
    params: Parameters
    body: BaseExpression


@dataclass(slots=True, eq=False, repr=False)
class IfExp(BaseExpression):
    test: BaseExpression
    body: BaseExpression
    orelse: BaseExpression


@dataclass(slots=True, eq=False, repr=False)
class NamedExpr(BaseExpression):
    target: BaseExpression
    value: BaseExpression


@dataclass(slots=True, eq=False, repr=False)
class Await(BaseExpression):
    expression: BaseExpression


@dataclass(slots=True, eq=False, repr=False)
class Yield(BaseExpression):
    value: BaseExpression | From | None = None


@dataclass(slots=True, eq=False, repr=False)
class From(CSTNode):
    item: BaseExpression


@dataclass(slots=True, eq=False, repr=False)
class Tuple(BaseExpression):
    elements: tuple[BaseElement, ...]


@dataclass(slots=True, eq=False, repr=False)
class List(BaseExpression):
    elements: tuple[BaseElement, ...]


@dataclass(slots=True, eq=False, repr=False)
class Set(BaseExpression):
    elements: tuple[BaseElement, ...]


@dataclass(slots=True, eq=False, repr=False)
class Element(CSTNode):
    value: BaseExpression


@dataclass(slots=True, eq=False, repr=False)
class StarredElement(BaseExpression):
    value: BaseExpression


@dataclass(slots=True, eq=False, repr=False)
class Dict(BaseExpression):
    elements: tuple[BaseDictElement, ...]


@dataclass(slots=True, eq=False, repr=False)
class DictElement(CSTNode):
    key: BaseExpression
    value: BaseExpression


@dataclass(slots=True, eq=False, repr=False)
class StarredDictElement(CSTNode):
    value: BaseExpression


@dataclass(slots=True, eq=False, repr=False)
class ListComp(BaseExpression):
    elt: BaseExpression
    for_in: CompFor


@dataclass(slots=True, eq=False, repr=False)
class SetComp(BaseExpression):
    elt: BaseExpression
    for_in: CompFor


@dataclass(slots=True, eq=False, repr=False)
class GeneratorExp(BaseExpression):
    elt: BaseExpression
    for_in: CompFor


@dataclass(slots=True, eq=False, repr=False)
class DictComp(BaseExpression):
    key: BaseExpression
    value: BaseExpression
    for_in: CompFor


@dataclass(slots=True, eq=False, repr=False)
class StarredDictComp(BaseExpression):
    value: BaseExpression
    for_in: CompFor


@dataclass(slots=True, eq=False, repr=False)
class CompFor(CSTNode):
    target: BaseExpression
    iter: BaseExpression
    ifs: tuple[CompIf, ...] = ()
    inner_for_in: CompFor | None = None
    asynchronous: Asynchronous | None = None


@dataclass(slots=True, eq=False, repr=False)
class CompIf(CSTNode):
    test: BaseExpression


class Asynchronous(CSTNode):
    __slots__ = ()


@dataclass(slots=True, eq=False, repr=False)
class Parameters(CSTNode):
    params: tuple[Param, ...] = ()
    star_arg: Param | ParamStar | None = None
    kwonly_params: tuple[Param, ...] = ()
    star_kwarg: Param | None = None
    posonly_params: tuple[Param, ...] = ()


@dataclass(slots=True, eq=False, repr=False)
class Param(CSTNode):
    name: Name
    annotation: Annotation | None = None
    default: BaseExpression | None = None


class ParamStar(CSTNode):
    __slots__ = ()


@dataclass(slots=True, eq=False, repr=False)
class Annotation(CSTNode):
    annotation: BaseExpression


# -- statements ----------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False, repr=False)
class Module(CSTNode):
    body: tuple[SimpleStatementLine | BaseCompoundStatement, ...]


class BaseStatement(CSTNode):
    __slots__ = ()


class BaseCompoundStatement(BaseStatement):
    __slots__ = ()


class BaseSmallStatement(CSTNode):
    __slots__ = ()


@dataclass(slots=True, eq=False, repr=False)
class BaseSuite(CSTNode):
    body: tuple[BaseStatement | BaseSmallStatement, ...]


@dataclass(slots=True, eq=False, repr=False)
class IndentedBlock(BaseSuite):
    body: tuple[SimpleStatementLine | BaseCompoundStatement, ...]
    indent: str | None = None


@dataclass(slots=True, eq=False, repr=False)
class SimpleStatementSuite(BaseSuite):
    body: tuple[BaseSmallStatement, ...]


@dataclass(slots=True, eq=False, repr=False)
class SimpleStatementLine(BaseStatement):
    body: tuple[BaseSmallStatement, ...]


@dataclass(slots=True, eq=False, repr=False)
class Expr(BaseSmallStatement):
    value: BaseExpression


@dataclass(slots=True, eq=False, repr=False)
class Assign(BaseSmallStatement):
    targets: tuple[AssignTarget, ...]
    value: BaseExpression


@dataclass(slots=True, eq=False, repr=False)
class AssignTarget(CSTNode):
    target: BaseExpression


@dataclass(slots=True, eq=False, repr=False)
class AnnAssign(BaseSmallStatement):
    target: BaseExpression
    annotation: Annotation
    value: BaseExpression | None = None


@dataclass(slots=True, eq=False, repr=False)
class AugAssign(BaseSmallStatement):
    target: BaseExpression
    operator: BaseAugOp
    value: BaseExpression


class Pass(BaseSmallStatement):
    __slots__ = ()


class Break(BaseSmallStatement):
    __slots__ = ()


class Continue(BaseSmallStatement):
    __slots__ = ()


@dataclass(slots=True, eq=False, repr=False)
class Del(BaseSmallStatement):
    target: BaseExpression


@dataclass(slots=True, eq=False, repr=False)
class Return(BaseSmallStatement):
    value: BaseExpression | None = None


@dataclass(slots=True, eq=False, repr=False)
class Raise(BaseSmallStatement):
    exc: BaseExpression | None = None
    cause: From | None = None


@dataclass(slots=True, eq=False, repr=False)
class Assert(BaseSmallStatement):
    test: BaseExpression
    msg: BaseExpression | None = None


@dataclass(slots=True, eq=False, repr=False)
class Global(BaseSmallStatement):
    names: tuple[NameItem, ...]


@dataclass(slots=True, eq=False, repr=False)
class Nonlocal(BaseSmallStatement):
    names: tuple[NameItem, ...]


@dataclass(slots=True, eq=False, repr=False)
class NameItem(CSTNode):
    name: Name


@dataclass(slots=True, eq=False, repr=False)
class Import(BaseSmallStatement):
    names: tuple[ImportAlias, ...]


@dataclass(slots=True, eq=False, repr=False)
class ImportFrom(BaseSmallStatement):
    module: Attribute | Name | None
    names: tuple[ImportAlias, ...] | ImportStar
    relative: int = 0


@dataclass(slots=True, eq=False, repr=False)
class LazyImport(BaseSmallStatement):
    names: tuple[ImportAlias, ...]


@dataclass(slots=True, eq=False, repr=False)
class LazyImportFrom(BaseSmallStatement):
    module: Attribute | Name | None
    names: tuple[ImportAlias, ...] | ImportStar
    relative: int = 0


class ImportStar(CSTNode):
    __slots__ = ()


@dataclass(slots=True, eq=False, repr=False)
class ImportAlias(CSTNode):
    name: Attribute | Name
    asname: AsName | None = None


@dataclass(slots=True, eq=False, repr=False)
class AsName(CSTNode):
    name: Name | Tuple | List


@dataclass(slots=True, eq=False, repr=False)
class TypeAlias(BaseSmallStatement):
    name: Name
    value: BaseExpression
    type_parameters: TypeParameters | None = None


@dataclass(slots=True, eq=False, repr=False)
class TypeParameters(CSTNode):
    params: tuple[TypeParam, ...]


@dataclass(slots=True, eq=False, repr=False)
class TypeParam(CSTNode):
    param: TypeVar | TypeVarTuple | ParamSpec
    star: str = ""
    default: BaseExpression | None = None


@dataclass(slots=True, eq=False, repr=False)
class TypeVar(CSTNode):
    name: Name
    bound: BaseExpression | None = None


@dataclass(slots=True, eq=False, repr=False)
class TypeVarTuple(CSTNode):
    name: Name


@dataclass(slots=True, eq=False, repr=False)
class ParamSpec(CSTNode):
    name: Name


@dataclass(slots=True, eq=False, repr=False)
class If(BaseCompoundStatement):
    test: BaseExpression
    body: BaseSuite
    orelse: If | Else | None = None


@dataclass(slots=True, eq=False, repr=False)
class Else(CSTNode):
    body: BaseSuite


@dataclass(slots=True, eq=False, repr=False)
class For(BaseCompoundStatement):
    target: BaseExpression
    iter: BaseExpression
    body: BaseSuite
    orelse: Else | None = None
    asynchronous: Asynchronous | None = None


@dataclass(slots=True, eq=False, repr=False)
class While(BaseCompoundStatement):
    test: BaseExpression
    body: BaseSuite
    orelse: Else | None = None


@dataclass(slots=True, eq=False, repr=False)
class Try(BaseCompoundStatement):
    body: BaseSuite
    handlers: tuple[ExceptHandler, ...] = ()
    orelse: Else | None = None
    finalbody: Finally | None = None


@dataclass(slots=True, eq=False, repr=False)
class TryStar(BaseCompoundStatement):
    body: BaseSuite
    handlers: tuple[ExceptStarHandler, ...]
    orelse: Else | None = None
    finalbody: Finally | None = None


@dataclass(slots=True, eq=False, repr=False)
class ExceptHandler(CSTNode):
    body: BaseSuite
    type: BaseExpression | None = None
    name: AsName | None = None


@dataclass(slots=True, eq=False, repr=False)
class ExceptStarHandler(CSTNode):
    body: BaseSuite
    type: BaseExpression
    name: AsName | None = None


@dataclass(slots=True, eq=False, repr=False)
class Finally(CSTNode):
    body: BaseSuite


@dataclass(slots=True, eq=False, repr=False)
class With(BaseCompoundStatement):
    items: tuple[WithItem, ...]
    body: BaseSuite
    asynchronous: Asynchronous | None = None


@dataclass(slots=True, eq=False, repr=False)
class WithItem(CSTNode):
    item: BaseExpression
    asname: AsName | None = None


@dataclass(slots=True, eq=False, repr=False)
class FunctionDef(BaseCompoundStatement):
    name: Name
    params: Parameters
    body: BaseSuite
    decorators: tuple[Decorator, ...] = ()
    returns: Annotation | None = None
    asynchronous: Asynchronous | None = None
    type_parameters: TypeParameters | None = None


@dataclass(slots=True, eq=False, repr=False)
class ClassDef(BaseCompoundStatement):
    name: Name
    body: BaseSuite
    bases: tuple[Arg, ...] = ()
    keywords: tuple[Arg, ...] = ()
    decorators: tuple[Decorator, ...] = ()
    type_parameters: TypeParameters | None = None


@dataclass(slots=True, eq=False, repr=False)
class Decorator(CSTNode):
    decorator: BaseExpression


# -- patterns ------------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False, repr=False)
class Match(BaseCompoundStatement):
    subject: BaseExpression
    cases: tuple[MatchCase, ...]


@dataclass(slots=True, eq=False, repr=False)
class MatchCase(CSTNode):
    pattern: MatchPattern
    body: BaseSuite
    guard: BaseExpression | None = None


class MatchPattern(CSTNode):
    __slots__ = ()


@dataclass(slots=True, eq=False, repr=False)
class MatchValue(MatchPattern):
    value: BaseExpression


@dataclass(slots=True, eq=False, repr=False)
class MatchSingleton(MatchPattern):
    value: Name


@dataclass(slots=True, eq=False, repr=False)
class MatchSequence(MatchPattern):
    patterns: tuple[MatchSequenceElement | MatchStar, ...]


class MatchList(MatchSequence):
    __slots__ = ()


class MatchTuple(MatchSequence):
    __slots__ = ()


@dataclass(slots=True, eq=False, repr=False)
class MatchSequenceElement(CSTNode):
    value: MatchPattern


@dataclass(slots=True, eq=False, repr=False)
class MatchStar(CSTNode):
    name: Name | None = None


@dataclass(slots=True, eq=False, repr=False)
class MatchMapping(MatchPattern):
    elements: tuple[MatchMappingElement, ...] = ()
    rest: Name | None = None


@dataclass(slots=True, eq=False, repr=False)
class MatchMappingElement(CSTNode):
    key: BaseExpression
    pattern: MatchPattern


@dataclass(slots=True, eq=False, repr=False)
class MatchClass(MatchPattern):
    cls: BaseExpression
    patterns: tuple[MatchSequenceElement, ...] = ()
    kwds: tuple[MatchKeywordElement, ...] = ()


@dataclass(slots=True, eq=False, repr=False)
class MatchKeywordElement(CSTNode):
    key: Name
    pattern: MatchPattern


@dataclass(slots=True, eq=False, repr=False)
class MatchAs(MatchPattern):
    pattern: MatchPattern | None = None
    name: Name | None = None


@dataclass(slots=True, eq=False, repr=False)
class MatchOr(MatchPattern):
    patterns: tuple[MatchOrElement, ...]


@dataclass(slots=True, eq=False, repr=False)
class MatchOrElement(CSTNode):
    pattern: MatchPattern


# -- operators ------------------------------------------------------------------------------------------------------


class BaseOperator(CSTNode):
    """An operator; `SIGN` is how it is written."""

    __slots__ = ()

    SIGN: ClassVar[str]


class BaseUnaryOp(BaseOperator):
    __slots__ = ()


class Plus(BaseUnaryOp):
    __slots__ = ()
    SIGN = "+"


class Minus(BaseUnaryOp):
    __slots__ = ()
    SIGN = "-"


class BitInvert(BaseUnaryOp):
    __slots__ = ()
    SIGN = "~"


class Not(BaseUnaryOp):
    __slots__ = ()
    SIGN = "not"


class BaseBooleanOp(BaseOperator):
    __slots__ = ()


class And(BaseBooleanOp):
    __slots__ = ()
    SIGN = "and"


class Or(BaseBooleanOp):
    __slots__ = ()
    SIGN = "or"


class BaseBinaryOp(BaseOperator):
    __slots__ = ()


class Add(BaseBinaryOp):
    __slots__ = ()
    SIGN = "+"


class Subtract(BaseBinaryOp):
    __slots__ = ()
    SIGN = "-"


class Multiply(BaseBinaryOp):
    __slots__ = ()
    SIGN = "*"


class Divide(BaseBinaryOp):
    __slots__ = ()
    SIGN = "/"


class FloorDivide(BaseBinaryOp):
    __slots__ = ()
    SIGN = "//"


class Modulo(BaseBinaryOp):
    __slots__ = ()
    SIGN = "%"


class Power(BaseBinaryOp):
    __slots__ = ()
    SIGN = "**"


class LeftShift(BaseBinaryOp):
    __slots__ = ()
    SIGN = "<<"


class RightShift(BaseBinaryOp):
    __slots__ = ()
    SIGN = ">>"


class BitOr(BaseBinaryOp):
    __slots__ = ()
    SIGN = "|"


class BitAnd(BaseBinaryOp):
    __slots__ = ()
    SIGN = "&"


class BitXor(BaseBinaryOp):
    __slots__ = ()
    SIGN = "^"


class MatrixMultiply(BaseBinaryOp):
    __slots__ = ()
    SIGN = "@"


class BaseCompOp(BaseOperator):
    __slots__ = ()


class LessThan(BaseCompOp):
    __slots__ = ()
    SIGN = "<"


class GreaterThan(BaseCompOp):
    __slots__ = ()
    SIGN = ">"


class Equal(BaseCompOp):
    __slots__ = ()
    SIGN = "=="


class LessThanEqual(BaseCompOp):
    __slots__ = ()
    SIGN = "<="


class GreaterThanEqual(BaseCompOp):
    __slots__ = ()
    SIGN = ">="


class NotEqual(BaseCompOp):
    __slots__ = ()
    SIGN = "!="


class In(BaseCompOp):
    __slots__ = ()
    SIGN = "in"


class NotIn(BaseCompOp):
    __slots__ = ()
    SIGN = "not in"


class Is(BaseCompOp):
    __slots__ = ()
    SIGN = "is"


class IsNot(BaseCompOp):
    __slots__ = ()
    SIGN = "is not"


class BaseAugOp(BaseOperator):
    __slots__ = ()


class AddAssign(BaseAugOp):
    __slots__ = ()
    SIGN = "+="


class SubtractAssign(BaseAugOp):
    __slots__ = ()
    SIGN = "-="


class MultiplyAssign(BaseAugOp):
    __slots__ = ()
    SIGN = "*="


class MatrixMultiplyAssign(BaseAugOp):
    __slots__ = ()
    SIGN = "@="


class DivideAssign(BaseAugOp):
    __slots__ = ()
    SIGN = "/="


class ModuloAssign(BaseAugOp):
    __slots__ = ()
    SIGN = "%="


class BitAndAssign(BaseAugOp):
    __slots__ = ()
    SIGN = "&="


class BitOrAssign(BaseAugOp):
    __slots__ = ()
    SIGN = "|="


class BitXorAssign(BaseAugOp):
    __slots__ = ()
    SIGN = "^="


class LeftShiftAssign(BaseAugOp):
    __slots__ = ()
    SIGN = "<<="


class RightShiftAssign(BaseAugOp):
    __slots__ = ()
    SIGN = ">>="


class PowerAssign(BaseAugOp):
    __slots__ = ()
    SIGN = "**="


class FloorDivideAssign(BaseAugOp):
    __slots__ = ()
    SIGN = "//="


BaseElement: Alias = Union[Element, StarredElement]
BaseDictElement: Alias = Union[DictElement, StarredDictElement]

#: What reads the fields of a node that hold nodes, all at once.
Parts: Alias = Callable[[Any], tuple[CSTNode | tuple[CSTNode, ...] | None, ...]]

#: Annotations of fields that hold no nodes.
_PLAIN = frozenset({"str", "str | None", "bool", "int"})


def fields_of(kind: type[CSTNode]) -> list[Field[Any]]:
    """The fields of a kind of node that are given in this order, as those of libcst."""
    found: dict[str, Field[Any]] = getattr(kind, "__dataclass_fields__", {})
    return [each for each in found.values() if not each.kw_only]


def _parts_of(names: list[str]) -> Parts:
    if len(names) > 1:
        return attrgetter(*names)
    read = attrgetter(*names)
    return lambda node: (read(node),)


KINDS = tuple(each for each in list(globals().values()) if isinstance(each, type) and issubclass(each, CSTNode))
#: The object for each operator.
OPERATORS = {each: each() for each in KINDS if issubclass(each, BaseOperator)}
#: The fields of each kind of node that hold nodes.
PART_NAMES = {kind: [each.name for each in fields_of(kind) if each.type not in _PLAIN] for kind in KINDS}
#: Leaves have no entry.
_PARTS: dict[type[CSTNode], Parts] = {kind: _parts_of(names) for kind, names in PART_NAMES.items() if names}


def children(node: CSTNode) -> list[CSTNode]:
    """The nodes right below a node."""
    found: list[CSTNode] = []
    parts = _PARTS.get(type(node))
    if parts is not None:
        for part in parts(node):
            if type(part) is tuple:
                found += part
            elif part is not None:
                found.append(part)  # type: ignore[arg-type]
    return found


def walk(root: CSTNode) -> Iterator[CSTNode]:
    """Yield a node and everything below it."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        parts = _PARTS.get(type(node))
        if parts is not None:
            for part in parts(node):  # as in `children`, without a list for each node
                if type(part) is tuple:
                    pending += part
                elif part is not None:
                    pending.append(part)  # type: ignore[arg-type]
