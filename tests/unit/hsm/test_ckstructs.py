import ctypes

import pytest

from keyturn.hsm.ckstructs import (
    FUNCTIONS,
    CkAttribute,
    CkFunctionList,
    CkInfo,
    CkInitializeArgs,
    CkOaepParams,
    CkSlotInfo,
    CkTokenInfo,
    Mechanism,
    Template,
    decode_value,
    encode_template,
    padded,
    prepare,
    unpadded,
)
from keyturn.hsm.cryptoki import Attr, Mech


@pytest.mark.parametrize(
    ("struct", "size"),
    [  # as a C compiler lays out pkcs11t.h v2.40 where unsigned long has 8 bytes
        (CkInfo, 88),
        (CkSlotInfo, 112),
        (CkTokenInfo, 208),
        (CkInitializeArgs, 48),
        (CkAttribute, 24),
        (CkOaepParams, 40),
        (CkFunctionList, 8 + 68 * 8),
    ],
)
def test_structures_have_the_size_of_c(struct: type[ctypes.Structure], size: int) -> None:
    assert ctypes.sizeof(struct) == size


def test_the_function_list_is_in_the_order_of_the_header() -> None:
    assert len(FUNCTIONS) == 68
    assert FUNCTIONS[0] == "Initialize"
    assert FUNCTIONS.index("UnwrapKey") == 61  # pkcs11f.h, counted from 0
    assert FUNCTIONS[-1] == "WaitForSlotEvent"


def test_a_template_is_encoded_as_c_arrays() -> None:
    inner = Template(((Attr.SENSITIVE, True),))
    template = Template(
        (
            (Attr.TOKEN, False),
            (Attr.VALUE_LEN, 32),
            (Attr.LABEL, b"name"),
            (Attr.ALLOWED_MECHANISMS, (0x2109, 0x9)),
            (Attr.UNWRAP_TEMPLATE, inner),
        )
    )
    array, pinned = encode_template(template)
    raw = [ctypes.string_at(each.value, each.length) for each in array]
    assert pinned
    assert raw[:3] == [b"\0", (32).to_bytes(8, "little"), b"name"]
    assert raw[3] == (0x2109).to_bytes(8, "little") + (9).to_bytes(8, "little")
    assert len(raw[4]) == ctypes.sizeof(CkAttribute)
    assert [each.type for each in array] == [a for a, _ in template.items]


def test_a_prepared_template_is_the_same_array_each_time() -> None:
    template = Template(((Attr.TOKEN, False), (Attr.LABEL, b"x")))
    prepared = prepare(template)
    array, _ = encode_template(template)
    assert [(each.type, each.length) for each in prepared.array] == [
        (each.type, each.length) for each in array
    ]


def test_plus_replaces_and_adds() -> None:
    template = Template(((Attr.TOKEN, True), (Attr.WRAP, True)))
    changed = template.plus((Attr.TOKEN, False), (Attr.VERIFY, True))
    assert changed[Attr.TOKEN] is False
    assert [a for a, _ in changed.items] == [Attr.TOKEN, Attr.WRAP, Attr.VERIFY]


@pytest.mark.parametrize(
    ("raw", "like", "value"),
    [
        (b"\x01", True, True),
        (b"\x00", True, False),
        (b"\x02", True, None),
        (b"", True, None),
        (b"\x01\x01", False, None),
        ((3).to_bytes(8, "little"), 0, 3),
        (b"\x03", 0, None),
        (bytes(16), 0, None),
        (b"abc", b"", b"abc"),
    ],
)
def test_attributes_are_read_in_their_kind_only(raw: bytes, like: object, value: object) -> None:
    assert decode_value(Attr.VALUE, raw, like) == value  # type: ignore[arg-type]


def test_mechanism_lists_are_read_sorted() -> None:
    raw = (9).to_bytes(8, "little") + (1).to_bytes(8, "little")
    assert decode_value(Attr.ALLOWED_MECHANISMS, raw, (0,)) == (1, 9)
    assert decode_value(Attr.ALLOWED_MECHANISMS, raw[:-1], (0,)) is None


def test_oaep_names_its_hash_and_mgf() -> None:
    mechanism, pinned = Mechanism(Mech.RSA_PKCS_OAEP, Mech.SHA256).encode()
    assert (pinned[0].hash, pinned[0].mgf, pinned[0].source) == (0x250, 2, 1)
    assert mechanism.length == 40
    assert ctypes.addressof(pinned[0]) == mechanism.parameter


def test_labels_are_padded_with_blanks() -> None:
    assert padded("a", 3) == b"a  "
    assert unpadded(b"a  \0") == "a"
    with pytest.raises(ValueError, match="4 bytes"):
        padded("abcd", 3)
