"""Whatever is put on screen as a literal goes through gettext; the catalogue in use is whole.

`untranslated.txt` lists literals of several words that nobody sees, or that are the same in every
language. It only shrinks.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn_app import i18n

APP = Path(i18n.__file__).parent
LISTED = Path(__file__).with_name("untranslated.txt")
TRANSLATED = {"_", "n_"}
SINKS = {
    *("setText", "setToolTip", "setWindowTitle", "setAccessibleName", "setPlaceholderText"),
    *("setAccessibleDescription", "setStatusTip", "setTitle", "addAction", "addMenu", "setLabel"),
    *("QLabel", "QPushButton", "QCheckBox", "QRadioButton", "QGroupBox", "QAction"),
    *("label", "button", "Button", "Elided", "Prose", "Pill", "toast", "say"),
}
"""What puts its first argument on screen."""
SHOWN = {"tip", "title", "hint", "placeholder"}
"""Keywords whose value is shown, whoever is called."""
UNSEEN = {"debug", "info", "warning", "error", "exception", "setProperty", "setStyleSheet"}
_WORDS = re.compile(r"[A-Za-z]{2,}[,:]? [A-Za-z]{2,}")
_LETTERS = re.compile(r"[A-Za-z]{2,}")
_STYLE = re.compile(r"[a-z-]+: [^;]+;|%[YHMd]|style=")


class Literals(ast.NodeVisitor):
    """Texts of one module that are shown, or look as if, and are not translated."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def visit_Call(self, node: ast.Call) -> None:
        name = _name(node.func)
        if name in TRANSLATED | UNSEEN:
            return
        if name in SINKS and node.args:
            self._shown(node.args[0])
        for keyword in node.keywords:
            if keyword.arg in SHOWN and name not in {"replace"}:
                self._shown(keyword.value)
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Errors are of the program that raises them; they are English everywhere."""

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        """No annotation is a text."""

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and _WORDS.search(node.value):
            self._take(node.value)

    def _shown(self, node: ast.expr) -> None:
        for text in _texts(node):
            if _LETTERS.search(text):
                self._take(text)

    def _take(self, text: str) -> None:
        text = " ".join(text.split())[:80]
        if text not in self.found and not _STYLE.search(text):
            self.found.append(text)


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _texts(node: ast.expr) -> Iterator[str]:
    """The literal parts of an argument: itself, of an f-string, of either branch."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield from (text for part in parts for text in _texts(part))
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one)
            yield from _texts(other)


def literals(source: str) -> list[str]:
    found = Literals()
    found.visit(ast.parse(source))
    return found.found


def test_what_is_shown_is_translated() -> None:
    found = {
        f"{path.relative_to(APP).as_posix()}: {text}"
        for path in APP.rglob("*.py")
        if APP / "bench" not in path.parents  # measures for a terminal, in English
        for text in literals(path.read_text(encoding="utf-8"))
    }
    listed = set(LISTED.read_text(encoding="utf-8").splitlines())
    assert sorted(found - listed) == [], "give it to `_`"
    assert sorted(listed - found) == [], "take it off the list"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("self.title.setText('Fleet')", ["Fleet"]),
        ("label(f'{count} nodes')", ["nodes"]),
        ("button('', name='x', tip='Close')", ["Close"]),
        ("x = 'two words'", ["two words"]),
        ("label(_('Fleet')); x = _('two words')", []),
        ("raise ValueError('not on screen')", []),
        ("def f(x: 'Some Type, Other') -> None: pass", []),
    ],
)
def test_what_is_not_translated_is_found(source: str, told: list[str]) -> None:
    assert literals(source) == told


def test_a_language_with_a_catalogue_is_spoken_and_another_is_english(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(i18n, "_translations", i18n._translations)
    directory = APP.parents[1] / "resources" / "translations"
    i18n.use(directory, ["de_DE"], complete=False)
    assert i18n._("Attested") == "Attestiert"
    assert i18n.n_("{count} node", "{count} nodes", 2000) == "2,000 Knoten"
    i18n.use(directory, ["xx"], complete=False)
    assert i18n._("Attested") == "Attested"


def test_half_a_catalogue_is_only_for_who_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two languages in one window are worse than the other one."""
    monkeypatch.setattr(i18n, "_translations", i18n._translations)
    directory = APP.parents[1] / "resources" / "translations"
    i18n.use(directory, ["de_DE"], complete=True)
    assert i18n._("Attested") == "Attested"
