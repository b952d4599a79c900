"""What a request's evidence calls for: read of it, and never more than it names."""

from dataclasses import replace

import pytest

from keyturn.base.collateral import CollateralKind
from keyturn.base.encoding import sha256
from keyturn.collateral.needs import needs_of
from keyturn.collateral.scopes import scope_parts
from keyturn.keyrelease.request import ReleaseRequest, SnpEvidence, TdxEvidence, parse_request
from keyturn_sim import SimTdNode
from support.machines import sim_td
from support.nodes import Node, NodeSecrets
from unit.keyrelease.release_desk import Desk, vendors
from unit.quorum.authority_log import rsa_key

KIND = CollateralKind


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


@pytest.fixture(scope="module")
def request_(desk: Desk) -> ReleaseRequest:
    return desk.request()


def test_an_snp_node_needs_its_products_list_and_answers_about_its_gpu(
    request_: ReleaseRequest,
) -> None:
    found = needs_of(request_)
    kinds = [each.wanted.kind for each in found]
    assert kinds[0] is KIND.AMD_CRL
    assert found[0].wanted.scope == f"vcek/{vendors().product}"
    assert set(kinds[1:]) == {KIND.NVIDIA_OCSP}
    chain = request_.evidence.gpus[0].chain
    assert [each.wanted.path[0] for each in found[1:]] == list(chain[1:-1])
    assert [each.wanted.scope for each in found[1:]] == [sha256(c).hex() for c in chain[1:-1]]
    for each in found:
        scope_parts(*each.wanted.key)
        assert not each.always, "only a policy asks for it"
        assert each.simulated, "no vendor's service knows it"


def test_a_td_needs_all_four_of_intels(desk: Desk) -> None:
    sim = SimTdNode.create(vendors(), sim_td(), gpus=(vendors().issue_gpu({}),))
    node = Node(sim, NodeSecrets(rsa_key=rsa_key(3072, 1)))
    asked = parse_request(node.request(desk.challenge(), desk.digest))
    found = {each.wanted.kind: each for each in needs_of(asked)}
    intel = (KIND.INTEL_TCB_INFO, KIND.INTEL_QE_IDENTITY, KIND.INTEL_ROOT_CRL, KIND.INTEL_PCK_CRL)
    assert all(found[kind].always for kind in intel)
    assert found[KIND.INTEL_PCK_CRL].wanted.scope in ("processor", "platform")
    for each in found.values():
        scope_parts(*each.wanted.key)


@pytest.mark.parametrize("cpu", [TdxEvidence(b"nonsense"), SnpEvidence(b"", b"", b"x", b"")])
def test_what_cannot_be_read_asks_for_nothing(
    request_: ReleaseRequest, cpu: TdxEvidence | SnpEvidence
) -> None:
    spoilt = replace(request_, evidence=replace(request_.evidence, cpu=cpu, gpus=()))
    assert needs_of(spoilt) == ()
    gpu = replace(request_.evidence.gpus[0], chain=(b"a", b"b", b"c"))
    spoilt = replace(request_, evidence=replace(request_.evidence, cpu=cpu, gpus=(gpu,)))
    assert needs_of(spoilt) == ()
