"""What a person may ask of `keyturn collateral`."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from keyturn.base.collateral import CollateralKind
from keyturn.base.encoding import sha256
from keyturn.base.errors import MalformedError
from keyturn.cli.collateralwants import read_key, read_needs, read_wanted
from keyturn.client.errors import FileUnusable
from keyturn.collateral.errors import WrongScope
from support.nvdevices import Vendor


def test_a_document_is_named_by_kind_and_scope() -> None:
    assert read_key("intel-tcb-info:90C06F000000") == (
        CollateralKind.INTEL_TCB_INFO,
        "90c06f000000",
    )
    for wrong in ("", "amd-chain", "amd:vcek/Milan", "AMD-CHAIN:vcek/Milan"):
        with pytest.raises(MalformedError, match="names no collateral"):
            read_key(wrong)
    with pytest.raises(WrongScope):
        read_key("amd-chain:Milan")


def test_a_chain_asks_about_each_but_its_root(tmp_path: Path) -> None:
    vendor = Vendor.create()
    chain = (vendor.provisioner, vendor.identity, vendor.root)
    path = tmp_path / "chain.pem"
    path.write_bytes(b"".join(each.certificate.public_bytes(Encoding.PEM) for each in chain))
    found = read_wanted(["amd-chain:vcek/Milan"], [path])
    assert [each.kind.value for each in found] == ["amd-chain", "nvidia-ocsp", "nvidia-ocsp"]
    assert found[1].path == tuple(each.der for each in chain)
    assert found[2].path == tuple(each.der for each in chain[1:])
    assert found[2].scope == sha256(chain[1].der).hex()
    path.write_bytes(vendor.root.certificate.public_bytes(Encoding.PEM))
    with pytest.raises(MalformedError, match="no chain"):
        read_wanted([], [path])
    with pytest.raises(FileUnusable):
        read_wanted([], [tmp_path / "absent"])


def test_needs_are_read_strictly() -> None:
    raw = b'{"nodes":[{"node":"gpu-1","models":["m"],"collateral":["amd-crl:vcek/Milan"]}]}'
    (found,) = read_needs(raw)
    assert found.collateral == {(CollateralKind.AMD_CRL, "vcek/Milan")}
    for wrong in (b"", b"{}", raw.replace(b'"models"', b'"model"'), raw.replace(b"amd-crl", b"x")):
        with pytest.raises(MalformedError):
            read_needs(wrong)
