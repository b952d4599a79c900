"""XML that is refused before or by the parser, and canonical forms."""

import builtins
import time
import tracemalloc

import pytest

from keyturn.attest.errors import MalformedEvidence
from keyturn.base.errors import UnreachableError
from keyturn.rim.xmltree import MAX_DEPTH, MAX_XML, XmlDocument

LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY lol "lol">
<!ENTITY lol1 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">
<!ENTITY lol2 "&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;">]>
<lolz>&lol2;</lolz>"""
EXTERNAL = b"""<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>"""


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"   ",
        b"a",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<a/>text",
        LAUGHS,
        EXTERNAL,
        b"<!DOCTYPE a><a/>",
        b"<!doctype a><a/>",
        b"<a><!-- comment --></a>",
        b"<a>text<!---->more</a>",
        b"<a/><!-- after -->",
        b"<a><![CDATA[x]]></a>",
        b"<a><?php x?></a>",
        b"<?x y?><a/>",
        b"<a/><?x?>",
        b"<?xml version='1.1'?><a/>",
        b"<?xml version='1.0' encoding='utf-16'?><a/>",
        b"<?xml version='1.0' encoding='latin-1'?><a>\xe9</a>",
        b" <?xml version='1.0'?><a/>",
        "<a/>".encode("utf-16"),
        b"\xef\xbb\xbf<a/>",
        b"<a>\xff</a>",
        b"<a>\0</a>",
        b"<a>\x01</a>",
        b"<a>&unknown;</a>",
        b"<a>&#0;</a>",
        b"<a b='<'/>",
        b"<a b='1' b='2'/>",
        b"<a xmlns:p='urn:x' xmlns:q='urn:x' p:b='1' q:b='2'/>",
        b"<p:a/>",
        b"<a xml:id='x'/>",
        b"<a><b xml:base='urn:x'/></a>",
        b"<a xml:lang='en'/>",
        b"<a xmlns='relative'/>",
    ],
)
def test_xml_that_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedEvidence):
        XmlDocument(raw).canonical()


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "does not begin"),
        (b"text", "does not begin"),
        (b"<a>\0</a>", "does not begin"),
        (b"<a>\xff</a>", "not UTF-8"),
        (b"<!DOCTYPE a><a/>", "no manifest needs"),
        (b"<a><?php x?></a>", "no manifest needs"),
        (b"<a/>" * 1025, "too many pieces"),
        (b"<a>" + b"=" * 4097 + b"</a>", "too many pieces"),
        (b"<a>" + b"x" * MAX_XML + b"</a>", "too large"),
        (b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1), "too deeply"),
    ],
)
def test_bytes_are_refused_before_a_parser_sees_them(raw: bytes, says: str) -> None:
    with pytest.raises(MalformedEvidence, match=says):
        XmlDocument(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"<a>" * 200_000,
        b"<a " + b"b='' " * 60_000 + b"/>",
        b"<a " + b" ".join(b"b%d=''" % n for n in range(20_000)) + b"/>",
        b"<a>" + b"<b/>" * 50_000 + b"</a>",
        b"<a b='" + b"x" * (1 << 20) + b"'/>",
        b"<a b='" + b"&amp;" * (200 << 10) + b"'/>",
        b"<a>" + b"x" * MAX_XML + b"</a>",
        b"".join(b"<a xmlns:n%d='urn:%d'>" % (n, n) for n in range(4000)),
        b"<" * (1 << 20),
        b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
    ],
)
def test_large_deep_and_wide_documents_cost_little(raw: bytes) -> None:
    tracemalloc.start()
    begin = time.process_time()
    with pytest.raises(MalformedEvidence):
        XmlDocument(raw)
    assert time.process_time() - begin < 1
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()


def test_what_is_allowed_is_read_whole() -> None:
    raw = b'<?xml version="1.0" encoding="UTF-8"?>\n<a xmlns="urn:n" x="1">one<b/>two&lt;</a>\n'
    root = XmlDocument(raw).root
    assert (root.tag, dict(root.attributes), root.text) == ("{urn:n}a", {"x": "1"}, "onetwo<")
    assert [child.tag for child in root.named("{urn:n}b")] == ["{urn:n}b"]
    assert (root.count("{urn:n}b"), root.count("b")) == (1, 0)
    assert XmlDocument(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH).root.count("a") == MAX_DEPTH


def test_the_canonical_form_is_that_of_the_recommendation() -> None:
    # W3C Canonical XML 1.1 §3.3 (start and end tags), cut to what is allowed here.
    raw = b"""<doc>
   <e1   />
   <e3   name = "elem3"   id="elem3"   />
   <e5 a:attr="out" b:attr="sorted" attr2="all" attr="I'm"
      xmlns:b="http://www.ietf.org"
      xmlns:a="http://www.w3.org"
      xmlns="http://example.org"/>
</doc>"""
    assert XmlDocument(raw).canonical() == (
        b'<doc>\n   <e1></e1>\n   <e3 id="elem3" name="elem3"></e3>\n'
        b'   <e5 xmlns="http://example.org" xmlns:a="http://www.w3.org" '
        b'xmlns:b="http://www.ietf.org" attr="I\'m" attr2="all" b:attr="sorted" '
        b'a:attr="out"></e5>\n</doc>'
    )


def test_a_part_keeps_the_namespaces_around_it() -> None:
    raw = b'<a xmlns:p="urn:p" xmlns="urn:d"><b><p:c x="1"/></b></a>'
    assert XmlDocument(raw).canonical(0, 0) == (b'<p:c xmlns="urn:d" xmlns:p="urn:p" x="1"></p:c>')


@pytest.mark.parametrize(
    ("raw", "number", "expected"),
    [
        (b"<a>1<b/>2</a>", 0, b"<a>12</a>"),
        (b"<a>1<c/>2<b/>3<d/></a>", 1, b"<a>1<c></c>23<d></d></a>"),
        (b"<a><b/></a>", 0, b"<a></a>"),
        (b"<a>\n<b>in</b>\n</a>", 0, b"<a>\n\n</a>"),
    ],
)
def test_the_enveloped_transform_takes_the_element_alone(raw, number, expected) -> None:  # type: ignore[no-untyped-def]
    document = XmlDocument(raw)
    assert document.canonical_without(number) == expected
    assert XmlDocument(raw).canonical() == document.canonical()  # the document is unchanged


def test_where_the_reader_is_not_installed_it_says_so(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.startswith("lxml"):
            raise ImportError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UnreachableError) as caught:
        XmlDocument(b"<a/>")
    assert "keyturn[control]" in caught.value.hint
