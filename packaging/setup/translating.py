"""The app's catalogues: `keyturn-app.pot` from the source, `.po` and `.mo` brought up to it.

Python's gettext reads `.mo` files and writes none; the format is that of the GNU gettext manual
("The Format of GNU MO Files"). Standard library only.
"""

import ast
import struct
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "app" / "keyturn_app"
TRANSLATIONS = ROOT / "resources" / "translations"
DOMAIN = "keyturn-app"
_MAGIC = 0x950412DE
_ESCAPES = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t"))


@dataclass(frozen=True, slots=True)
class Message:
    """`many` is empty for a text without a plural."""

    one: str
    many: str = ""


class CatalogueError(Exception):
    """A catalogue or a call that cannot be read; the message says where."""


def messages_in(source: str) -> Iterator[Message]:
    """What a module gives to `_` and `n_`. Raises CatalogueError for what is no literal."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "_" and len(node.args) == 1:
                yield Message(_literal(node.args[0]))
            elif node.func.id == "n_":
                yield Message(_literal(node.args[0]), _literal(node.args[1]))


def template(source: Path = SOURCE) -> str:
    """The text of the `.pot`: every message once, with the modules it stands in."""
    places: dict[Message, list[str]] = {}
    for path in sorted(source.rglob("*.py")):
        name = path.relative_to(source.parent).as_posix()
        for message in messages_in(path.read_text(encoding="utf-8")):
            where = places.setdefault(message, [])
            if name not in where:
                where.append(name)
    plural = {each.one for each in places if each.many}
    kept = {m: where for m, where in places.items() if m.many or m.one not in plural}
    return catalogue({each: ("",) for each in kept}, kept, header="")


def catalogue(
    texts: Mapping[Message, tuple[str, ...]],
    places: Mapping[Message, Iterable[str]],
    *,
    header: str,
) -> str:
    """A `.po` file, in the order of `places`."""
    first = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
    lines = [first + "".join(f"{_quoted(each)}\n" for each in header.splitlines(keepends=True))]
    for message, where in places.items():
        found = texts.get(message, ("",))
        part = [*(f"#: {each}" for each in where), f"msgid {_quoted(message.one)}"]
        if message.many:
            two = found if len(found) > 1 else ("", "")
            part.append(f"msgid_plural {_quoted(message.many)}")
            part += [f"msgstr[{at}] {_quoted(each)}" for at, each in enumerate(two)]
        else:
            part.append(f"msgstr {_quoted(found[0])}")
        lines.append("\n".join(part) + "\n")
    return "\n".join(lines)


def read_catalogue(text: str) -> dict[Message, tuple[str, ...]]:
    """Every message of a `.po` or `.pot` file, the header as `Message("")`.

    Raises CatalogueError.
    """
    found: dict[Message, tuple[str, ...]] = {}
    for block in text.split("\n\n"):
        fields = _fields(block)
        if "msgid" in fields:
            message = Message(fields["msgid"], fields.get("msgid_plural", ""))
            texts = [text for name, text in fields.items() if name.startswith("msgstr")]
            found[message] = tuple(texts)
    return found


def places_in(text: str) -> dict[Message, list[str]]:
    """The modules that a `.pot` names for each message."""
    found = {}
    for block in text.split("\n\n"):
        fields = _fields(block)
        if fields.get("msgid"):
            where = [line[3:] for line in block.splitlines() if line.startswith("#: ")]
            found[Message(fields["msgid"], fields.get("msgid_plural", ""))] = where
    return found


def brought_up(known: str, pot: str) -> str:
    """A `.po` with the messages of `pot`: its translations kept, what is gone dropped."""
    texts = read_catalogue(known)
    header = texts.get(Message(""), ("",))[0]
    places = places_in(pot)
    whole = all(all(texts.get(each, ("",))) for each in places)
    rest = "".join(
        line
        for line in header.splitlines(keepends=True)
        if not line.startswith(("Content-Type", "X-Complete"))
    )
    return catalogue(texts, places, header=f"{rest}X-Complete: {'yes' if whole else 'no'}\n")


def compiled(po: str) -> bytes:
    """The `.mo` of a catalogue; what is not translated is left out."""
    pairs = []
    for message, texts in read_catalogue(po).items():
        if all(texts):
            key = f"{message.one}\0{message.many}" if message.many else message.one
            pairs.append((key.encode(), "\0".join(texts).encode()))
    pairs.sort()
    count, start = len(pairs), 28
    at = start + 16 * count
    tables = []
    for column in (0, 1):
        for pair in pairs:
            tables.append(struct.pack("<II", len(pair[column]), at))
            at += len(pair[column]) + 1
    head = struct.pack("<7I", _MAGIC, 0, count, start, start + 8 * count, 0, start + 16 * count)
    words = b"".join(pair[column] + b"\0" for column in (0, 1) for pair in pairs)
    return head + b"".join(tables) + words


def main() -> int:
    pot = template()
    TRANSLATIONS.mkdir(exist_ok=True)
    (TRANSLATIONS / f"{DOMAIN}.pot").write_text(pot, encoding="utf-8")
    for path in sorted(TRANSLATIONS.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
        po = brought_up(path.read_text(encoding="utf-8"), pot)
        path.write_text(po, encoding="utf-8")
        path.with_suffix(".mo").write_bytes(compiled(po))
        texts = list(read_catalogue(po).values())[1:]
        done = sum(1 for each in texts if all(each))
        print(f"{path.parents[1].name}: {done} of {len(texts)} translated")
    return 0


def _literal(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise CatalogueError(f"line {node.lineno}: a text to translate is no literal")


def _fields(block: str) -> dict[str, str]:
    """Keywords of one entry, their strings joined."""
    fields: dict[str, str] = {}
    name = ""
    for line in block.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if not line.startswith('"'):
            name, _space, line = line.partition(" ")
            fields[name] = ""
        if not name or not (line.startswith('"') and line.endswith('"')):
            raise CatalogueError(f"not a line of a catalogue: {line[:60]}")
        fields[name] += ast.literal_eval(line)
    return fields


def _quoted(text: str) -> str:
    for plain, escaped in _ESCAPES:
        text = text.replace(plain, escaped)
    return f'"{text}"'


if __name__ == "__main__":
    sys.exit(main())
