"""All that a request shows, section by section."""

from keyturn.keyrelease.showing import sections_of
from unit.keyrelease.release_desk import FIRMWARE, Desk


def test_every_part_of_a_request_is_a_section_and_every_byte_of_it_is_shown() -> None:
    request = Desk().request()
    sections = sections_of(request)
    titles = [each.title for each in sections]
    assert titles[:5] == [
        "Request",
        "SEV-SNP report",
        *(f"CPU: certificate {place}" for place in range(3)),
    ]
    assert titles[5] == "GPU 0 report"
    assert titles[6:] == [
        f"GPU 0: certificate {place}" for place in range(len(request.evidence.gpus[0].chain))
    ]
    by_title = {each.title: each for each in sections}
    cpu = request.evidence.snp if hasattr(request.evidence, "snp") else request.evidence.cpu
    shown = b"".join(each.raw for each in by_title["SEV-SNP report"].fields)
    assert shown == cpu.report  # type: ignore[union-attr]
    gpu = b"".join(each.raw for each in by_title["GPU 0 report"].fields)
    assert gpu == request.evidence.gpus[0].report
    values = {each.name: each.value for each in by_title["SEV-SNP report"].fields}
    assert values["MEASUREMENT"] == FIRMWARE.hex()
    own = {each.name: each for each in by_title["Request"].fields}
    assert own["node"].note == "the node's own word"
    assert own["claims"].raw == request.claims.raw
    assert all(each.specification for each in sections)
