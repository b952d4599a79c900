"""Minutes as a PDF: all of it there to be read, the mark on every page, no secret."""

import io

import pypdf

from keyturn.ceremony.minutes import Minutes, make_minutes
from keyturn.ceremony.sharesets import SIZES
from keyturn.ceremony.transcript import parse_transcript, verify_transcript
from keyturn.client.minutes import minutes_pdf
from support.ceremonies import Cast, played_genesis, stream
from support.ceremonylog import logged_genesis

PLAYED = played_genesis(eventful=True)
MINUTES = make_minutes(verify_transcript(parse_transcript(PLAYED.transcript())))


def pages(raw: bytes) -> list[str]:
    return [each.extract_text() for each in pypdf.PdfReader(io.BytesIO(raw)).pages]


def close(text: str) -> str:
    """Without spaces: a PDF breaks lines where it likes."""
    return "".join(text.split())


PAGES = pages(minutes_pdf(MINUTES))


def test_the_same_minutes_are_the_same_file() -> None:
    assert minutes_pdf(MINUTES) == minutes_pdf(MINUTES)


def test_every_page_says_what_it_is_of() -> None:
    for place, text in enumerate(PAGES, start=1):
        assert "REHEARSAL · SIMULATED" in text
        assert MINUTES.digest in close(text)
        assert f"Page {place} of {len(PAGES)}" in text


def test_everything_stands_there() -> None:
    whole = close("".join(PAGES))
    for label, value in MINUTES.summary:
        assert close(label) in whole
        assert close(value) in whole
    for section in MINUTES.sections:
        for text in (section.title, *section.texts, *section.points):
            assert close(text) in whole, text
        for table in section.tables:
            for cell in (cell for row in table.rows for cell in row):
                for line in cell.split("\n"):
                    assert close(line) in whole, line


def test_a_ceremony_in_earnest_has_no_band() -> None:
    logged = logged_genesis(Cast(simulation=False))
    verified = verify_transcript(parse_transcript(logged.transcript), logged.fingerprint)
    text = "".join(pages(minutes_pdf(make_minutes(verified))))
    assert "REHEARSAL" not in text
    assert "SIMULATED" not in text
    assert "under a checkpoint" in text.replace("\n", " ")


def test_no_secret_is_in_it() -> None:
    whole = close("".join(PAGES))
    for use, size in SIZES.items():
        assert stream(f"{PLAYED.plan.ceremony} {use.value} secret")(size).hex() not in whole


def test_the_search_for_secrets_would_find_one() -> None:
    secret = stream("a control")(16).hex()
    told = Minutes(
        MINUTES.title,
        MINUTES.ceremony,
        MINUTES.marks,
        secret,
        MINUTES.digest,
        MINUTES.phrase,
        MINUTES.summary,
        MINUTES.sections,
    )
    assert secret in close("".join(pages(minutes_pdf(told))))
