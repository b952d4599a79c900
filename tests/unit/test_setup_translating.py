"""Catalogues: read back as written, read by Python's gettext, and up to the source."""

import gettext
import io
from pathlib import Path
from string import Formatter

import pytest

import translating
from translating import (
    DOMAIN,
    TRANSLATIONS,
    CatalogueError,
    Message,
    brought_up,
    catalogue,
    compiled,
    messages_in,
    places_in,
    read_catalogue,
    template,
)

PLURALS = "Language: de\nPlural-Forms: nplurals=2; plural=(n != 1);\n"
ONE, MANY = Message('Say "it"\tor\nnot'), Message("{count} node", "{count} nodes")
PLACES = {ONE: ["app/one.py", "app/two.py"], MANY: ["app/two.py"]}
TEXTS = {ONE: ('„so“\toder\nso "nicht"',), MANY: ("{count} Knoten", "{count} Knöten")}


def languages() -> list[Path]:
    return sorted(TRANSLATIONS.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def test_what_is_given_to_gettext_is_found() -> None:
    found = messages_in("a = _('one'); b = n_('{count} x', '{count} xs', 3); c = other('no')")
    assert list(found) == [Message("one"), Message("{count} x", "{count} xs")]


def test_a_text_that_is_no_literal_cannot_be_translated() -> None:
    with pytest.raises(CatalogueError, match="line 1"):
        list(messages_in("_(f'{a} nodes')"))


def test_a_catalogue_reads_back() -> None:
    text = catalogue(TEXTS, PLACES, header=PLURALS)
    found = read_catalogue(text)
    assert {each: found[each] for each in (ONE, MANY)} == TEXTS
    assert places_in(text) == PLACES


def test_what_is_no_catalogue_is_refused() -> None:
    with pytest.raises(CatalogueError, match="not a line"):
        read_catalogue("msgid one")


def test_a_known_translation_stays_and_what_is_gone_goes() -> None:
    known = catalogue(TEXTS, PLACES, header=PLURALS)
    new = Message("new")
    pot = catalogue({}, {new: ["app/new.py"], MANY: ["app/three.py"]}, header="")
    found = read_catalogue(brought_up(known, pot))
    assert found[new] == ("",)
    assert found[MANY] == TEXTS[MANY]
    assert ONE not in found
    assert found[Message("")][0].endswith(f"{PLURALS}X-Complete: no\n")


def test_a_catalogue_says_when_nothing_is_left() -> None:
    pot = catalogue({}, PLACES, header="")
    header = read_catalogue(brought_up(catalogue(TEXTS, PLACES, header=PLURALS), pot))[Message("")]
    assert header[0].endswith("X-Complete: yes\n")


def test_python_s_gettext_reads_what_is_compiled() -> None:
    texts = {**TEXTS, Message("left out"): ("",)}
    places = {**PLACES, Message("left out"): ["app/one.py"]}
    read = gettext.GNUTranslations(io.BytesIO(compiled(catalogue(texts, places, header=PLURALS))))
    assert read.gettext(ONE.one) == TEXTS[ONE][0]
    assert [read.ngettext(MANY.one, MANY.many, each) for each in (1, 2)] == list(TEXTS[MANY])
    assert read.gettext("left out") == "left out"


def test_the_template_is_of_the_source_as_it_is() -> None:
    known = (TRANSLATIONS / f"{DOMAIN}.pot").read_text(encoding="utf-8")
    assert places_in(known) == places_in(template()), "run `make translations`"


@pytest.mark.parametrize("path", languages(), ids=lambda each: each.parents[1].name)
def test_a_catalogue_is_up_to_the_template_and_compiled(path: Path) -> None:
    po = path.read_text(encoding="utf-8")
    assert brought_up(po, template()) == po, "run `make translations`"
    assert path.with_suffix(".mo").read_bytes() == compiled(po), "run `make translations`"


@pytest.mark.parametrize("path", languages(), ids=lambda each: each.parents[1].name)
def test_a_translation_keeps_every_value(path: Path) -> None:
    wrong = []
    for message, texts in read_catalogue(path.read_text(encoding="utf-8")).items():
        wanted = values(message.many or message.one)
        if message.one and any(texts) and any(values(each) != wanted for each in texts):
            wrong.append(message.one)
    assert wrong == []


def test_there_is_a_language_besides_english() -> None:
    assert [each.parents[1].name for each in languages()] == ["de"]


def test_everything_is_written_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "xx" / "LC_MESSAGES").mkdir(parents=True)
    po = tmp_path / "xx" / "LC_MESSAGES" / f"{DOMAIN}.po"
    po.write_text(catalogue({}, {}, header="Language: xx\n"), encoding="utf-8")
    monkeypatch.setattr(translating, "TRANSLATIONS", tmp_path)
    assert translating.main() == 0
    assert "xx: 0 of " in capsys.readouterr().out
    assert po.with_suffix(".mo").read_bytes() == compiled(po.read_text(encoding="utf-8"))


def values(text: str) -> set[str]:
    return {name for _text, name, _spec, _kind in Formatter().parse(text) if name}
