"""Fetching from servers that behave, that are busy, and that attack."""

import threading
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from keyturn.attest import anchors as anchors_module
from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest
from keyturn.attest.errors import UntrustedEvidence
from keyturn.attest.snp_tcb import SnpProduct, parse_tcb
from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.encoding import sha256
from keyturn.base.errors import KeyturnError
from keyturn.collateral.errors import (
    BadAnswer,
    IssuerMissing,
    NoSuchCollateral,
    RateLimited,
    VendorUnreachable,
)
from keyturn.collateral.fetching import ABSENT_FOR, Fetched, Surroundings
from keyturn.collateral.pacing import Backoff, Rate
from keyturn.collateral.scopes import Wanted, vek_scope
from keyturn.collateral.vendors import Services
from support.nvdevices import Vendor
from support.ocspmaker import answer
from support.vendoranswers import (
    CHAIN,
    CHAIN_PATH,
    NOW,
    PCK_LIST,
    QE,
    RIM,
    ROOT_LIST,
    TCB,
    TCB_PATH,
    Clockwork,
    Recorded,
)
from support.vendorserver import Answer, VendorServer
from unit.collateral.conftest import FetcherOf


def test_each_of_intels_and_amds_documents_is_fetched_and_proved(
    fetcher_of: FetcherOf, recorded: Recorded, server: VendorServer
) -> None:
    fetcher = fetcher_of()
    for wanted in (CHAIN, TCB, QE, PCK_LIST):
        assert fetcher.fetch(wanted).document == recorded.document(wanted)
    found = fetcher.fetch(ROOT_LIST, recorded.document(QE))
    assert found.document == recorded.document(ROOT_LIST)
    assert found.source == server.url + "/lists/IntelSGXRootCA.der"
    assert (found.fetched, found.age.number) == (NOW, 1)


def test_a_list_without_its_issuer_is_not_asked_for(
    fetcher_of: FetcherOf, server: VendorServer
) -> None:
    with pytest.raises(IssuerMissing, match="intel-qe-identity td"):
        fetcher_of().fetch(ROOT_LIST)
    assert server.asked == []


def test_a_busy_service_is_asked_again_when_it_says(
    fetcher_of: FetcherOf, server: VendorServer, clockwork: Clockwork, recorded: Recorded
) -> None:
    busy = Answer(b"slow down", 429, {"Retry-After": "17"})
    server.say(CHAIN_PATH, busy, Answer(b"", 503), Answer(recorded.chain()))
    fetcher_of().fetch(CHAIN)
    assert clockwork.slept == [17.0, 1.0]  # what was asked for; then 2 s, half of it by chance


def test_a_service_that_wants_a_long_wait_is_left_at_once(
    fetcher_of: FetcherOf, server: VendorServer, clockwork: Clockwork
) -> None:
    server.say(CHAIN_PATH, Answer(b"", 429, {"Retry-After": "7200"}))
    with pytest.raises(RateLimited) as refused:
        fetcher_of().fetch(CHAIN)
    assert refused.value.not_before == NOW + timedelta(hours=2)
    assert (clockwork.slept, server.count(CHAIN_PATH)) == ([], 1)


def test_retries_end_after_so_many(
    fetcher_of: FetcherOf, server: VendorServer, clockwork: Clockwork
) -> None:
    server.say(CHAIN_PATH, Answer(b"", 503))
    with pytest.raises(VendorUnreachable, match="HTTP 503"):
        fetcher_of().fetch(CHAIN)
    assert clockwork.slept == [0.5, 1.0, 2.0, 4.0]
    assert server.count(CHAIN_PATH) == 5


def test_retries_end_at_the_time_limit(
    fetcher_of: FetcherOf, server: VendorServer, clockwork: Clockwork
) -> None:
    server.say(CHAIN_PATH, Answer(b"", 503))
    with pytest.raises(VendorUnreachable):
        fetcher_of(backoff=Backoff(first=8.0, total=10.0)).fetch(CHAIN)
    assert clockwork.slept == [4.0]


def test_a_service_that_says_no_is_not_asked_again(
    fetcher_of: FetcherOf, server: VendorServer
) -> None:
    server.say(CHAIN_PATH, Answer(b"", 403))
    with pytest.raises(VendorUnreachable, match="HTTP 403"):
        fetcher_of().fetch(CHAIN)
    assert server.count(CHAIN_PATH) == 1


def test_what_is_absent_is_remembered_for_a_while(
    fetcher_of: FetcherOf, server: VendorServer, clockwork: Clockwork, recorded: Recorded
) -> None:
    server.say(CHAIN_PATH, Answer(b"", 404), Answer(recorded.chain()))
    fetcher = fetcher_of()
    for _ in range(3):
        with pytest.raises(NoSuchCollateral):
            fetcher.fetch(CHAIN)
    assert server.count(CHAIN_PATH) == 1
    clockwork.now_is += ABSENT_FOR
    assert fetcher.fetch(CHAIN).document.data == recorded.chain()


def test_a_cut_connection_is_tried_again_and_half_an_answer_never_used(
    fetcher_of: FetcherOf, server: VendorServer, recorded: Recorded
) -> None:
    server.say(CHAIN_PATH, Answer(recorded.chain(), cut=True), Answer(recorded.chain()))
    assert fetcher_of().fetch(CHAIN).document.data == recorded.chain()
    assert server.count(CHAIN_PATH) == 2


def test_a_dripping_answer_ends_at_the_time_limit(
    fetcher_of: FetcherOf, server: VendorServer, clockwork: Clockwork, recorded: Recorded
) -> None:
    clockwork.step = 4.0  # each look at the clock: so each chunk takes long
    server.say(CHAIN_PATH, Answer(recorded.chain() + b"\n" * 20_000, chunks=500))
    with pytest.raises(VendorUnreachable):
        fetcher_of(backoff=Backoff(total=10.0)).fetch(CHAIN)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"x" * 40_000),
        Answer(b"x", announced=1 << 40),
        Answer(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}),
        Answer(b"", 302, {"Location": "http://203.0.113.7/cert_chain"}),
        Answer(b"", 302, {"Location": "file:///etc/passwd"}),
        Answer(b"", 302),
        Answer(b"", 307, {"Location": CHAIN_PATH}),
    ],
    ids=["oversize", "announced", "encoded", "elsewhere", "file", "nowhere", "in circles"],
)
def test_an_answer_of_another_form_is_refused(
    fetcher_of: FetcherOf, server: VendorServer, answer: Answer
) -> None:
    server.say(CHAIN_PATH, answer)
    with pytest.raises(BadAnswer):
        fetcher_of().fetch(CHAIN)


def test_a_redirect_within_the_host_is_followed(
    fetcher_of: FetcherOf, server: VendorServer, recorded: Recorded
) -> None:
    server.say(CHAIN_PATH, Answer(b"", 301, {"Location": "/amd/elsewhere"}))
    server.say("/amd/elsewhere", Answer(recorded.chain(), headers={"Content-Type": "text/html"}))
    assert fetcher_of().fetch(CHAIN).document.data == recorded.chain()


@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"\x30\x03\x02\x01\x00"])
def test_a_wrong_body_is_refused(fetcher_of: FetcherOf, server: VendorServer, body: bytes) -> None:
    server.say(CHAIN_PATH, Answer(body))
    with pytest.raises(KeyturnError):
        fetcher_of().fetch(CHAIN)


def test_a_document_of_another_platform_is_refused(
    fetcher_of: FetcherOf, server: VendorServer, recorded: Recorded
) -> None:
    other = Recorded(recorded.vectors, "b0c06f-2025-06")
    server.say(TCB_PATH, other.tcb_answer())
    with pytest.raises(UntrustedEvidence, match="about something else"):
        fetcher_of().fetch(TCB)


def test_an_edited_document_is_refused(
    fetcher_of: FetcherOf, server: VendorServer, recorded: Recorded
) -> None:
    good = recorded.tcb_answer()
    edited = good.body.replace(b'"OutOfDate"', b'"UpToDate"', 1)
    assert edited != good.body
    server.say(TCB_PATH, Answer(edited, headers=good.headers))
    with pytest.raises(UntrustedEvidence, match="signature"):
        fetcher_of().fetch(TCB)


def test_a_chain_of_another_root_is_refused(fetcher_of: FetcherOf) -> None:
    nobody = HARDWARE_ANCHORS.narrowed_to(())
    with pytest.raises(UntrustedEvidence, match="not a trusted root"):
        fetcher_of(nobody).fetch(TCB)


def test_a_rim_without_a_verifier_is_not_kept(fetcher_of: FetcherOf) -> None:
    with pytest.raises(IssuerMissing, match="RIM"):
        fetcher_of().fetch(Wanted(CollateralKind.NVIDIA_RIM, RIM))


def test_requests_to_one_host_are_paced(
    fetcher_of: FetcherOf, server: VendorServer, clockwork: Clockwork, recorded: Recorded
) -> None:
    host = server.url.removeprefix("http://")
    fetcher = fetcher_of(rates={host: Rate(2, 5.0)})
    for wanted in (CHAIN, TCB, QE):
        fetcher.fetch(wanted)
    assert clockwork.slept == [5.0]


def test_a_wait_for_ones_turn_counts_to_the_time_limit(
    fetcher_of: FetcherOf, server: VendorServer
) -> None:
    host = server.url.removeprefix("http://")
    fetcher = fetcher_of(rates={host: Rate(1, 500.0)})
    fetcher.fetch(CHAIN)
    for _ in range(2):  # a request that was not made costs nothing
        with pytest.raises(RateLimited, match="fewer requests; found 500 s"):
            fetcher.fetch(QE)


def test_one_document_is_asked_for_once_at_a_time(
    fetcher_of: FetcherOf, server: VendorServer
) -> None:
    server.gate = threading.Event()
    fetcher = fetcher_of()
    found: list[Fetched] = []
    threads = [
        threading.Thread(target=lambda: found.append(fetcher.fetch(CHAIN))) for _ in range(5)
    ]
    for each in threads:
        each.start()
    assert server.arrived.wait(30)
    server.gate.set()
    for each in threads:
        each.join(30)
    assert len(found) == 5
    assert len({id(each.document) for each in found}) == server.count(CHAIN_PATH)


def test_followers_hear_of_a_failure_and_the_next_one_asks_anew(
    fetcher_of: FetcherOf, server: VendorServer, recorded: Recorded
) -> None:
    server.say(CHAIN_PATH, Answer(b"", 403), Answer(recorded.chain()))
    fetcher = fetcher_of()
    with pytest.raises(VendorUnreachable):
        fetcher.fetch(CHAIN)
    assert fetcher.fetch(CHAIN).document.data == recorded.chain()


def test_an_unreachable_host(server: VendorServer, fetcher_of: FetcherOf) -> None:
    fetcher = fetcher_of(services=Services(amd="http://127.0.0.1:9"))
    with pytest.raises(VendorUnreachable, match="ConnectError") as refused:
        fetcher.fetch(CHAIN)
    assert "mirror" in refused.value.hint


def test_the_usual_surroundings_are_the_systems() -> None:
    around = Surroundings()
    assert around.now().tzinfo is not None
    assert 0 <= around.chance() < 1
    assert len(around.nonce()) == 32


def test_a_chips_certificate_is_asked_for_by_chip_and_tcb(
    fetcher_of: FetcherOf, server: VendorServer, recorded: Recorded
) -> None:
    for place, product, name in (
        ("milan-v2-virtee/vcek.der", SnpProduct.MILAN, "milan"),
        ("certs-only/turin-vcek.der", SnpProduct.TURIN, "turin"),
    ):
        wanted = recorded.vek_wanted(place, product)
        chip = vek_scope(wanted.scope)
        tcb = parse_tcb(product, chip.tcb)
        fmc = "" if tcb.fmc is None else f"fmcSPL={tcb.fmc:02d}&"
        levels = (tcb.bootloader, tcb.tee, tcb.snp, tcb.microcode)
        query = "blSPL={:02d}&teeSPL={:02d}&snpSPL={:02d}&ucodeSPL={:02d}".format(*levels)
        path = f"/amd/vcek/v1/{product.value}/{chip.chip.hex()}?{fmc}{query}"
        server.say(path, Answer(recorded.vek(place)))
        chain = CollateralDocument(
            CollateralKind.AMD_CHAIN, f"vcek/{product.value}", recorded.chain(name)
        )
        assert fetcher_of().fetch(wanted, chain).document.data == recorded.vek(place)


def test_an_ocsp_answer_is_to_this_question(fetcher_of: FetcherOf, server: VendorServer) -> None:
    """The attack: an answer from before the revocation, to a question with another nonce."""
    vendor = Vendor.create()
    path = (vendor.identity, vendor.root)
    anchors = HARDWARE_ANCHORS.with_simulated(
        {anchors_module.Vendor.NVIDIA_DEVICE: [SpkiDigest(vendor.spki)]}, source="test"
    )
    chain = tuple(each.der for each in path)
    wanted = Wanted(CollateralKind.NVIDIA_OCSP, sha256(chain[0]).hex(), chain)

    def responder(_path: str, body: bytes) -> Answer:
        asked = ocsp.load_der_ocsp_request(body)
        nonce = asked.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
        return Answer(answer(*path, now=NOW, nonce=nonce))

    server.say("/ocsp/", responder)
    fetched = fetcher_of(anchors).fetch(wanted)
    assert fetched.document.chain == chain
    server.say("/ocsp/", Answer(fetched.document.data))
    with pytest.raises(UntrustedEvidence, match="another question"):
        fetcher_of(anchors, around=Clockwork().around(b"\x09" * 32)).fetch(wanted)
    server.say("/ocsp/", Answer(answer(*path, now=NOW)))
    with pytest.raises(UntrustedEvidence, match="another question"):
        fetcher_of(anchors).fetch(wanted)
