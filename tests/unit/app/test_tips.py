"""No tooltip in the app is markup that somebody else wrote."""

import ast
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import keyturn_app

ROOT = Path(keyturn_app.__file__).parent


def fixed(node: ast.expr) -> bool:
    """A text of ours: a literal, a translated literal, or what went through `plain`."""
    match node:
        case ast.Constant():
            return True
        case ast.Call(func=ast.Name(id="plain")):
            return True
        case ast.Call(func=ast.Name(id="_"), args=[ast.Constant()]):
            return True
        case ast.IfExp():
            return fixed(node.body) and fixed(node.orelse)
        case ast.BoolOp():
            return all(fixed(each) for each in node.values)
    return False


def open_tips(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in {"setToolTip", "setWhatsThis"} and not fixed(node.args[-1]):
                yield node.lineno
            if node.func.attr == "showText" and not fixed(node.args[1]):
                yield node.lineno
        if isinstance(node, ast.If) and "ToolTipRole" in ast.unparse(node.test):
            returned = [each for each in ast.walk(node) if isinstance(each, ast.Return)]
            inside = [each for part in node.body for each in ast.walk(part)]
            for each in returned:
                if each in inside and each.value is not None and not fixed(each.value):
                    yield each.lineno


def test_every_tooltip_is_plain() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted(ROOT.rglob("*.py"))
        for line in open_tips(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


def test_a_cells_tooltip_is_looked_at_too() -> None:
    """A tree's item names its column first."""
    assert list(open_tips(ast.parse("item.setToolTip(0, name)"))) == [1]
    assert list(open_tips(ast.parse("item.setToolTip(0, plain(name))"))) == []


def test_markup_is_shown_letter_by_letter() -> None:
    from keyturn_app.qtkit.tips import plain

    hostile = 'serving <b>Attested</b> <img src="/dev/zero">\n  & more'
    seen: list[str] = []
    tags: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            seen.append(data)

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)

    Reader().feed(plain(hostile))
    assert ("".join(seen), tags) == (hostile, ["p"])
    assert plain("1 < 2\nserving") == "1 < 2\nserving"
