"""Verifiers with one check taken away: which checks a source has, and its code without one.

A check is what can only make a verifier refuse, or judge worse, when it is there: a condition of
`raise`, `return`, `continue` or `break`, each operand of it; a call whose value nobody uses; what
a judging call says is met; what a predicate returns; what is asked together before an early return
(a shortcut); `all`, `any`, `strict=True` and the condition of a comprehension. Code outside
functions is not looked at: it runs before any test.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType

_SETTERS = {"add", "append", "clear", "extend", "insert", "move_to_end", "pop", "popitem"}
_SETTERS |= {"remember", "remove", "reverse", "setdefault", "sort", "update"}
_JUDGES = {"judge", "judged"}
_ENDS = (ast.Raise, ast.Return, ast.Continue, ast.Break)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One check of one module; `number` counts them in the order of the source.

    `where` is the outermost function with its class; `first` and `last` are lines.
    """

    number: int
    where: str
    kind: str
    text: str
    first: int
    last: int

    @property
    def name(self) -> str:
        """The same as long as this check stands in the same function, on whatever line."""
        return f"{self.where}: {self.kind}: {self.text}"


@dataclass(frozen=True, slots=True)
class _Site:
    where: str
    kind: str
    shown: ast.AST
    put: Callable[[], None]


def find_mutants(source: str) -> tuple[Mutant, ...]:
    """Every check of a module's functions. Equal ones of one function are told apart by count."""
    found: list[Mutant] = []
    seen: dict[str, int] = {}
    for number, site in enumerate(_sites(ast.parse(source))):
        text = " ".join(ast.unparse(site.shown).split())
        text = text if len(text) <= 100 else f"{text[:97]}..."
        first = getattr(site.shown, "lineno", 0)
        last = getattr(site.shown, "end_lineno", first)
        one = Mutant(number, site.where, site.kind, text, first, last)
        seen[one.name] = seen.get(one.name, 0) + 1
        if seen[one.name] > 1:
            one = Mutant(number, site.where, f"{site.kind} {seen[one.name]}", text, first, last)
        found.append(one)
    return tuple(found)


def mutated(source: str, number: int, name: str = "<mutant>") -> CodeType:
    """The module's code without that check."""
    tree = ast.parse(source)
    site = next(each for at, each in enumerate(_sites(tree)) if at == number)
    site.put()
    return compile(ast.fix_missing_locations(tree), name, "exec")


def implant(module: ModuleType, code: CodeType, where: str) -> None:
    """Give the living function named `where` its code from a module's code. Raises LookupError."""
    inner = next((each for each in _codes(code) if each.co_qualname == where), None)
    if inner is None:
        raise LookupError(f"no code of {where}")
    _function(module, where).__code__ = inner


def _codes(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _codes(each)


def _function(module: ModuleType, where: str) -> FunctionType:
    found: object = module
    for name in where.split("."):
        found = vars(found)[name]
    for inner in ("fget", "func", "__func__", "__wrapped__"):
        found = getattr(found, inner, None) or found
    if not isinstance(found, FunctionType):
        raise LookupError(f"{where} is no function of Python's")
    return found


def _sites(tree: ast.Module) -> Iterator[_Site]:
    for where, function in _functions(tree, ""):
        yields_bool = isinstance(function.returns, ast.Name) and function.returns.id == "bool"
        for node in list(ast.walk(function)):
            yield from _of_node(node, where, yields_bool)


def _functions(node: ast.AST, outer: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{outer}{child.name}.")
        elif isinstance(child, ast.FunctionDef):
            yield f"{outer}{child.name}", child


def _of_node(node: ast.AST, where: str, yields_bool: bool) -> Iterator[_Site]:
    if isinstance(node, ast.If) and isinstance(node.body[-1], _ENDS):
        yield from _without(node, "test", node.test, False, where, "if")
        if isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.And):
            yield from _of_shortcut(node, where)
    elif isinstance(node, ast.Return) and yields_bool and node.value is not None:
        for value in (True, False):
            yield from _without(node, "value", node.value, value, where, f"return {value}")
    elif isinstance(node, ast.comprehension):
        for at, test in enumerate(node.ifs):
            yield _Site(where, "filter", test, _setter(node.ifs, at, ast.Constant(True)))
    elif isinstance(node, ast.Call):
        yield from _of_call(node, where)
    yield from _of_children(node, where)


def _of_shortcut(node: ast.If, where: str) -> Iterator[_Site]:
    """Each operand of what an early return asks for: what was kept may be used, and only then."""
    if isinstance(node.body[-1], ast.Return):
        yield from _without(node, "test", node.test, True, where, "shortcut")


def _of_call(node: ast.Call, where: str) -> Iterator[_Site]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in _JUDGES and len(node.args) > 1:
        yield from _without(node.args, 1, node.args[1], True, where, "judge")
    for keyword in node.keywords:
        if keyword.arg == "strict" and getattr(keyword.value, "value", None) is True:
            put = _attribute(keyword, "value", ast.Constant(False))
            yield _Site(where, "strict", node, put)


def _of_children(node: ast.AST, where: str) -> Iterator[_Site]:
    """Calls that stand alone, `all` and `any`: these are put where their parent holds them."""
    for name, value in ast.iter_fields(node):
        if isinstance(value, list):
            for at, each in enumerate(value):
                if isinstance(each, ast.Expr) and _checks(each.value):
                    yield _Site(where, "call", each, _setter(value, at, ast.Pass()))
                elif kind := _quantifier(each):
                    constant = ast.Constant(kind == "all")
                    yield _Site(where, kind, each, _setter(value, at, constant))
        elif kind := _quantifier(value):
            constant = ast.Constant(kind == "all")
            yield _Site(where, kind, value, _attribute(node, name, constant))


def _without(
    holder: ast.AST | list[ast.expr],
    place: str | int,
    test: ast.expr,
    value: bool,
    where: str,
    kind: str,
) -> Iterator[_Site]:
    """The whole condition as `value`; of operands that are joined, each alone instead."""
    joined = ast.And if value else ast.Or
    if isinstance(test, ast.BoolOp) and isinstance(test.op, joined):
        for at in range(len(test.values)):
            yield from _without(test.values, at, test.values[at], value, where, kind)
        return
    if isinstance(test, ast.Constant):
        return
    constant = ast.Constant(value)
    put = (
        _setter(holder, place, constant)
        if isinstance(holder, list) and isinstance(place, int)
        else _attribute(holder, str(place), constant)
    )
    yield _Site(where, kind, test, put)


def _checks(value: ast.expr) -> bool:
    """Whether a call whose value is unused can be there only to refuse or to record."""
    if not isinstance(value, ast.Call):
        return False
    if not isinstance(value.func, ast.Attribute):
        return True
    return value.func.attr not in _SETTERS and not ast.unparse(value.func).startswith("super().")


def _quantifier(node: object) -> str:
    """`all` or `any` for a call of it; else empty."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return ""
    return node.func.id if node.func.id in ("all", "any") else ""


def _setter(values: list[ast.expr], at: int, new: ast.AST) -> Callable[[], None]:
    def put() -> None:
        values[at] = new  # type: ignore[call-overload]

    return put


def _attribute(holder: object, name: str, new: ast.AST) -> Callable[[], None]:
    return lambda: setattr(holder, name, new)
