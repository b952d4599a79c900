"""Links, dates, path lengths, and a cache that remembers signatures and nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.attest.certificates import ECDSA_SHA256, Extension, parse_certificate
from keyturn.attest.chains import (
    MAX_LARGE,
    ChainCache,
    Parsed,
    chain_key,
    check_dates,
    check_path_lengths,
    read_root,
    verified_link,
    verified_root,
    verify_signed_once,
)
from keyturn.attest.errors import Reason, UntrustedEvidence
from keyturn_sim import SimVendors
from keyturn_sim.pki import der_of, make_certificate, new_p384_key


def test_a_link_is_remembered_only_after_it_was_verified(vendors: SimVendors) -> None:
    cache = ChainCache()
    root = read_root(vendors.root_der, cache)
    assert len(cache) == 0
    assert verified_root(vendors.root_der, cache) == root
    intermediate = verified_link(vendors.intermediate_der, root, cache)
    assert len(cache) == 2
    assert verified_link(vendors.intermediate_der, root, cache) is intermediate


def test_a_remembered_link_is_none_under_another_issuer(vendors: SimVendors) -> None:
    cache = ChainCache()
    root = verified_root(vendors.root_der, cache)
    verified_link(vendors.intermediate_der, root, cache)
    other = parse_certificate(der_of(vendors.device_root))
    with pytest.raises(UntrustedEvidence, match="was not issued by"):
        verified_link(vendors.intermediate_der, other, cache)


def test_the_cache_forgets_what_was_unused_for_longest(vendors: SimVendors) -> None:
    cache = ChainCache(limit=1)
    root = verified_root(vendors.root_der, cache)
    verified_link(vendors.intermediate_der, root, cache)
    assert len(cache) == 1
    assert cache.find(root.digest, root.digest) is None


def test_a_certificate_that_is_no_ca_signs_nothing() -> None:
    key, other_key = new_p384_key(), new_p384_key()
    leaf = make_certificate("not a CA", key, None, key, is_ca=False)
    below = make_certificate("below", other_key, leaf, key, is_ca=False)
    with pytest.raises(UntrustedEvidence, match="may not sign certificates"):
        verified_link(der_of(below), parse_certificate(der_of(leaf)), ChainCache())


def test_an_unknown_critical_extension_is_refused(vendors: SimVendors) -> None:
    from keyturn.attest import chains

    root = parse_certificate(vendors.root_der)
    strange = replace(root, extensions={**root.extensions, "1.2.3": Extension(True, b"")})
    with pytest.raises(UntrustedEvidence, match="critical extension"):
        chains._check_link(strange, root)
    ignored = replace(root, extensions={**root.extensions, "1.2.3": Extension(False, b"")})
    chains._check_link(ignored, root)


def test_dates_are_inclusive(vendors: SimVendors) -> None:
    root = parse_certificate(vendors.root_der)
    check_dates([root], root.not_before)
    check_dates([root], root.not_after)
    second = timedelta(seconds=1)
    for moment, reason in (
        (root.not_before - second, Reason.CERT_NOT_YET_VALID),
        (root.not_after + second, Reason.CERT_EXPIRED),
    ):
        with pytest.raises(UntrustedEvidence) as caught:
            check_dates([root], moment)
        assert caught.value.reason is reason


def test_path_lengths(vendors: SimVendors) -> None:
    root = parse_certificate(vendors.root_der)
    ask = parse_certificate(vendors.intermediate_der)
    leaf = replace(root, is_ca=False, path_length=None)
    check_path_lengths([leaf, ask, root])
    with pytest.raises(UntrustedEvidence, match="too high"):
        check_path_lengths([leaf, root, ask])
    with pytest.raises(UntrustedEvidence, match="is a CA where"):
        check_path_lengths([root, ask])


def test_what_was_read_is_kept_by_digest_and_the_oldest_dropped() -> None:
    parsed: Parsed[str] = Parsed(limit=2)
    assert parsed.find(b"a") is None
    parsed.remember(b"a", "one")
    parsed.remember(b"b", "two")
    assert parsed.find(b"a") == "one"  # used last now
    parsed.remember(b"c", "three")
    assert (parsed.find(b"b"), parsed.find(b"a"), parsed.find(b"c")) == (None, "one", "three")
    assert len(parsed) == 2


def test_what_was_read_once_is_found_again_by_its_key_and_kind() -> None:
    cache, made = ChainCache(2), []

    def read() -> str:
        made.append(1)
        return "read"

    assert [cache.read_once(b"k", str, read) for _ in range(2)] == ["read", "read"]
    assert len(made) == 1
    assert cache.read_once(b"k", int, lambda: 7) == 7  # another kind is not what was read
    with pytest.raises(ZeroDivisionError):
        cache.read_once(b"bad", int, lambda: 1 // 0)
    assert cache.read_once(b"bad", int, lambda: 3) == 3


def test_heavy_results_share_a_room_and_the_oldest_make_way() -> None:
    parsed: Parsed[str] = Parsed(limit=9, room=10)
    parsed.remember(b"a", "one", 4)
    parsed.remember(b"b", "two", 4)
    parsed.remember(b"b", "two again", 6)  # in its own place
    assert (parsed.find(b"a"), parsed.find(b"b")) == ("one", "two again")
    parsed.remember(b"c", "three", 1)
    assert (parsed.find(b"a"), len(parsed)) == (None, 2)
    parsed.remember(b"d", "four", 11)  # heavier than the room: nothing makes way for it
    assert (parsed.find(b"d"), parsed.find(b"b"), parsed.find(b"c")) == (None, "two again", "three")


def test_large_things_are_kept_apart_and_by_kind() -> None:
    cache = ChainCache()
    cache.keep_large(b"k", "large", MAX_LARGE)
    assert cache.recall_large(b"k", str) == "large"
    assert cache.recall_large(b"k", int) is None
    assert cache.recall(b"k", str) is None
    cache.keep_large(b"other", "small", 1)
    assert cache.recall_large(b"k", str) is None


def test_a_check_that_failed_is_made_again_and_one_that_held_is_not() -> None:
    cache, made = ChainCache(), []

    def check() -> None:
        made.append(1)
        if len(made) == 1:
            raise UntrustedEvidence("not signed", reason=Reason.CHAIN_INVALID)

    with pytest.raises(UntrustedEvidence):
        cache.check_once(b"k", check)
    for _ in range(3):
        cache.check_once(b"k", check)
    assert len(made) == 2
    cache.check_once(b"other", check)
    assert len(made) == 3


def test_a_signature_is_remembered_for_its_bytes_algorithm_and_key_alone(
    vendors: SimVendors,
) -> None:
    root, ask = (parse_certificate(e) for e in (vendors.root_der, vendors.intermediate_der))
    cache, good = ChainCache(), ask.signed
    for _ in range(2):
        verify_signed_once(good, root, "certificate", cache)
    for forged in (
        replace(good, tbs=good.tbs[:-1] + bytes([good.tbs[-1] ^ 1])),
        replace(good, signature=good.signature[:-1] + bytes([good.signature[-1] ^ 1])),
        replace(good, algorithm=ECDSA_SHA256),
        replace(good, tbs=good.tbs + good.algorithm[:1], algorithm=good.algorithm[1:]),
    ):
        with pytest.raises(UntrustedEvidence):
            verify_signed_once(forged, root, "certificate", cache)
    with pytest.raises(UntrustedEvidence):
        verify_signed_once(good, ask, "certificate", cache)
    verify_signed_once(good, root, "certificate", None)


def test_a_key_of_kept_things_is_of_each_part_and_their_number() -> None:
    keys = [
        chain_key("a", b"bc"),
        chain_key("a", b"b", b"c"),
        chain_key("a", b"c", b"b"),
        chain_key("a"),
        chain_key("b", b"bc"),
        chain_key("a", b"bc", b""),
    ]
    assert len(set(keys)) == len(keys)


def test_an_issuer_must_be_a_ca_and_may_sign_certificates_both(vendors: SimVendors) -> None:
    from keyturn.attest import chains

    root = parse_certificate(vendors.root_der)
    chains._check_link(root, root)
    for lacking in (replace(root, is_ca=False), replace(root, may_sign_certificates=False)):
        with pytest.raises(UntrustedEvidence, match="may not sign certificates"):
            chains._check_link(root, lacking)
