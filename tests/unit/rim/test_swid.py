"""What a manifest says, read strictly."""

import pytest

from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.nvidia_rims import Rim, RimKind
from keyturn.rim.swid import read_swid
from support.rimmaker import body, resource

VALUE, OTHER = "02" * 48, "03" * 48
ONE = resource(1, VALUE)


def read(text: str) -> Rim:
    return read_swid(text.replace("{signature}", "").encode(), "signed by 'x'")


def test_a_drivers_manifest() -> None:
    rim = read(body(resource(1, VALUE, OTHER.upper()), resource(7, VALUE, active="False")))
    assert (rim.kind, rim.product, rim.version) == (RimKind.DRIVER, "GH100", "590.12")
    assert rim.active == {1: frozenset({bytes.fromhex(VALUE), bytes.fromhex(OTHER)})}
    assert rim.source == f"NVIDIA RIM driver 590.12, tag {'ab' * 8}, signed by 'x'"


def test_a_bios_is_compared_in_upper_case() -> None:
    rim = read(body(ONE, version="96.00.5e.00.01"))
    assert (rim.kind, rim.version) == (RimKind.VBIOS, "96.00.5E.00.01")
    switch = read(body(ONE, version="96.10.55.00.01", edition="SWITCH", product="LS10"))
    assert switch.kind is RimKind.SWITCH_BIOS


@pytest.mark.parametrize(
    "text",
    [
        body(ONE, root="Other"),
        body(ONE, extra="<ns0:Link/>"),
        body(ONE, extra="text"),
        body(ONE, extra="<ns0:Meta/>"),
        body(ONE, extra="<ns0:Payload/>"),
        body(ONE).replace("<ns0:Meta ", "<ns0:Other "),
        body(ONE)
        .replace("<ns0:Payload ", "<ns0:Evidence ")
        .replace("ns0:Payload>", "ns0:Evidence>"),
        body(ONE, version=""),
        body(ONE, version="v1"),
        body(ONE, version="590.12&#10;"),
        body(ONE, edition="CPU"),
        body(ONE, product=""),
        body(ONE).replace("tagId", "tagID"),
        body(),
        body(resource(1, VALUE, active="False")),
        body(resource(1, VALUE, active="true")),
        body(resource(1, VALUE, active="")),
        body(ONE, resource(2, VALUE, active="true")),
        body(ONE, product="G" * 201),
        body(ONE, product="GH100&#10;"),
        body(ONE, ONE),
        body(ONE, resource(1, OTHER, active="False")),
        body(resource(255, VALUE)),
        body(ONE.replace('index="1"', 'index="01"')),
        body(ONE.replace('index="1"', 'index="-1"')),
        body(ONE.replace('index="1"', 'index="1\u0661"')),
        body(ONE.replace('type="Measurement"', 'type="OpaqueData"')),
        body(ONE.replace("ns0:Resource", "ns0:File")),
        body(ONE.replace('alternatives="1"', 'alternatives="2"')),
        body(ONE.replace('alternatives="1"', 'alternatives="0"')),
        body(ONE.replace('alternatives="1"', 'alternatives="65"')),
        body(resource(1, VALUE, OTHER).replace('alternatives="2"', 'alternatives="1"')),
        body(ONE.replace("ns2:Hash0", "Hash0")),
        body(ONE.replace('size="48"', 'size="47"')),
        body(ONE.replace('size="48"', 'size="65"')),
        body(ONE.replace(VALUE, VALUE[:-1] + "g")),
        body(ONE.replace(VALUE, VALUE[:-1])),
        body(resource(1, VALUE, extra=' more="1"')),
        body(ONE.replace("/>", "><ns0:x/></ns0:Resource>")),
        body(ONE.replace("/>", ">text</ns0:Resource>")),
        body(ONE, "text"),
    ],
)
def test_what_is_not_known_could_be_a_condition_and_is_refused(text: str) -> None:
    with pytest.raises(MalformedEvidence):
        read(text)
