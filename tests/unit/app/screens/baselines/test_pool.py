"""What a node's evidence offers for a draft, and that a part of it is never more than it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.errors import KeyturnError
from keyturn.base.strictjson import Fields
from keyturn.policy.baseline_document import document_of
from keyturn.policy.capturing import NotCapturable
from keyturn.policy.lint import lint
from keyturn.policy.remarks import LintCode, LintRemark, Severity
from keyturn.policy.shown import Shown
from keyturn.quorum.kinds import Kind
from keyturn.quorum.reference_bodies import ReferenceValues, parse_reference_values
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.tee_rules import TdRegister
from keyturn_app.screens.baselines.items import chosen, keys_of, sets_of, until
from keyturn_app.screens.baselines.newview import events_view, picks_of
from keyturn_app.screens.baselines.pool import Pool, pool_of_node
from keyturn_app.screens.baselines.remarking import _WORDS, text_of
from support.golden import NOW, observed, shown, switch, td, tpm

HEX = "ab" * 24 + "cd" * 24


def pool(found: Shown, *, activated: bool = True) -> Pool:
    return pool_of_node(observed(found), NOW, activated=activated)


def taken(made: Pool, keys: frozenset[str]) -> ReferenceValues:
    """As the keyholder would read what was chosen."""
    body = document_of(chosen(made.values, keys))
    return parse_reference_values(Fields(body, "reference-values"))


def test_all_items_are_all_values() -> None:
    for made in (pool(shown()), pool(Shown(td(), switches=(switch(),), tpm=tpm(), tpm_shown=True))):
        assert taken(made, keys_of(made.values)) == made.values


def test_of_a_td_only_mrtd_is_advised_and_nothing_is_taken_without_it() -> None:
    made = pool(Shown(td()))
    (found,) = taken(made, made.advised).tdx
    assert found.registers.keys() == {TdRegister.MRTD}
    (view,) = picks_of(made, {"tdx.0.rtmr0"}, ())
    assert view.warning == "Without MRTD nothing of this TD is taken."
    assert chosen(made.values, {"tdx.0.rtmr0"}).tdx == ()


def test_each_item_alone_is_a_part_of_the_values() -> None:
    made = pool(Shown(td(), switches=(switch(),), tpm=tpm(), tpm_shown=True))
    mrtd = "tdx.0.mrtd"
    for key in keys_of(made.values):
        values = taken(made, frozenset({key, mrtd}))
        assert sum(len(each.items) for each in sets_of(values)) == len({key, mrtd})


def test_a_tpm_is_offered_event_by_event_and_never_advised() -> None:
    made = pool(Shown(td(), tpm=tpm(), tpm_shown=True))
    assert made.events
    assert not any(each.startswith("tpm.") for each in made.advised)
    events = events_view(made, made.advised)
    assert {each.taken for each in events} >= {"boot application", "UEFI variable"}


def test_a_tpm_that_was_not_activated_is_left_out_and_it_is_said() -> None:
    made = pool(Shown(td(), tpm=tpm(), tpm_shown=True), activated=False)
    assert made.values.tpm == ()
    assert made.events == ()
    assert "not activated" in made.left


def test_what_is_not_genuine_offers_nothing() -> None:
    node = replace(observed(shown()), shown=None)
    with pytest.raises(NotCapturable):
        pool_of_node(node, NOW, activated=True)


def test_an_end_only_shortens() -> None:
    values = pool(shown()).values
    soon, late = NOW + timedelta(days=1), NOW + timedelta(days=9)
    once = until(values, soon, NOW)
    assert until(once, late, NOW) == once
    assert until(values, None, NOW) == values
    ends = {each.origin.provenance.until for each in sets_of(once)}  # type: ignore[union-attr]
    assert ends == {soon}
    with pytest.raises(KeyturnError):
        until(values, NOW, NOW)


def test_remarks_of_baselines_have_words() -> None:
    state = AuthorityState(digest_of(b"authority"))
    found = lint(
        Kind.REFERENCE_VALUES,
        "golden",
        pool(shown()).values,
        state,
        NOW,
        expires=NOW + timedelta(days=1),
    )
    assert found
    assert {each.code for each in found} <= _WORDS.keys()
    values = tuple(
        (name, "2026-11-29T00:00:00+00:00") for name in sorted({"ends", "until"})
    ) + tuple((name, HEX) for name in ("other", "policy", "subject", "target", "what"))
    for code in LintCode:
        assert text_of(LintRemark("gpu.0", Severity.NOTE, code, values))
