"""Sealing and opening: what was sealed comes back in its place, and nowhere else."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ragbastion.core.errors import InputError, LimitError, SealError, TenantKeyError, UsageError
from ragbastion.core.events import MemoryEventSink
from ragbastion.tenancy.encryption import LocalKeyEncryption, PayloadCipher, TenantKeys
from ragbastion.tenancy.encryption.sealed_value import PREFIX, formatted, parsed

from .conftest import OpenKeys

PLACE = ("acme", "p1", "text")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False,
    allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner,
    max_size=3),
    max_leaves=6,
)  # fmt: skip
SHARED = settings(
    max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@SHARED
@given(text=st.text(), point=st.text(min_size=1), field=st.text(min_size=1, max_size=20))
def test_a_text_comes_back(cipher: PayloadCipher, text: str, point: str, field: str) -> None:
    """Any Unicode text, for any point and field."""
    sealed = cipher.sealed("acme", point, field, text)
    assert cipher.opened("acme", point, field, sealed) == text
    assert sealed.isascii()


@SHARED
@given(value=JSON)
def test_a_json_value_comes_back(cipher: PayloadCipher, value: Any) -> None:
    """Of any type, with that type."""
    (sealed,) = cipher.sealed_payloads("acme", [("p1", {"text": value, "source": "s"})])
    (opened,) = cipher.opened_payloads("acme", [("p1", sealed)])
    assert (opened, sealed["source"]) == ({"text": value, "source": "s"}, "s")
    assert sealed["text"].startswith(PREFIX)


@pytest.mark.parametrize("text", ["", "x", "\x00", "日本語 🔐 e\u0301", "a" * 2**20, "é" * 2**19])
def test_texts_of_every_size(cipher: PayloadCipher, text: str) -> None:
    """From none to a megabyte."""
    assert cipher.opened(*PLACE, cipher.sealed(*PLACE, text)) == text


def test_no_plain_text_is_left(cipher: PayloadCipher) -> None:
    """Equal texts have different forms, and a text that looks sealed is sealed like any other."""
    one, other = cipher.sealed(*PLACE, "hello"), cipher.sealed(*PLACE, "hello")
    assert one != other
    assert cipher.opened(*PLACE, cipher.sealed(*PLACE, one)) == one


@SHARED
@given(at=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_any_flipped_bit_is_refused(cipher: PayloadCipher, at: int, bit: int) -> None:
    """In kind, version, nonce, ciphertext and tag."""
    kind, version, nonce, ciphertext = parsed(cipher.sealed(*PLACE, "hello there"))
    raw = bytearray(bytes([kind]) + version.to_bytes(4) + nonce + ciphertext)
    raw[at % len(raw)] ^= 1 << bit
    altered = formatted(raw[0], int.from_bytes(raw[1:5]), bytes(raw[5:17]), bytes(raw[17:]))
    with pytest.raises(SealError, match="does not open"):
        cipher.opened(*PLACE, altered)


@pytest.mark.parametrize(
    "place",
    [("globex", "p1", "text"), ("acme", "p2", "text"), ("acme", "p1", "title")],
    ids=["tenant", "point", "field"],
)
def test_a_moved_value_is_refused(cipher: PayloadCipher, place: tuple[str, str, str]) -> None:
    """To another tenant that has the same key version, to another point, to another field."""
    cipher.sealed("globex", "p", "text", "of globex")
    sealed = cipher.sealed(*PLACE, "hello")
    with pytest.raises(SealError, match="altered or moved"):
        cipher.opened(*place, sealed)


def test_a_value_under_another_version_is_refused(cipher: PayloadCipher, keys: TenantKeys) -> None:
    """The version that it names is bound too."""
    kind, version, nonce, ciphertext = parsed(cipher.sealed(*PLACE, "hello"))
    keys.rotate("acme")
    with pytest.raises(SealError, match="altered or moved"):
        cipher.opened(*PLACE, formatted(kind, version + 1, nonce, ciphertext))
    with pytest.raises(SealError, match="names key version 9"):
        cipher.opened(*PLACE, formatted(kind, 9, nonce, ciphertext))


@pytest.mark.parametrize("change", [lambda s: s[:-1], lambda s: s + "A", lambda s: s[:40]])
def test_a_cut_value_is_refused(cipher: PayloadCipher, change: Callable[[str], str]) -> None:
    """Shorter or longer."""
    with pytest.raises(SealError):
        cipher.opened(*PLACE, change(cipher.sealed(*PLACE, "hello")))


def test_one_bad_value_fails_the_batch(cipher: PayloadCipher) -> None:
    """Nothing is returned beside it, and the message names point and field alone."""
    good = cipher.sealed("acme", "p1", "text", "the secret")
    with pytest.raises(SealError, match="point 'p2', field 'text'") as refused:
        cipher.opened_batch("acme", [("p1", "text", good), ("p2", "text", good)])
    assert "secret" not in str(refused.value)
    assert good not in str(refused.value)


def test_names_in_messages_are_harmless(cipher: PayloadCipher) -> None:
    """An id that acts on a terminal is shown as escapes, and cut."""
    with pytest.raises(SealError) as refused:
        cipher.opened("acme", "\x1b[2J" + "x" * 500, "text", "rbseal1.A")
    assert "\x1b" not in str(refused.value)
    assert len(str(refused.value)) < 300


def test_a_plain_value_is_refused(cipher: PayloadCipher) -> None:
    """A cipher does not return what somebody stored around it."""
    for value in ("hello", 7, None, ["hello"]):
        with pytest.raises(SealError, match="not sealed"):
            cipher.opened_payloads("acme", [("p1", {"text": value})])


def test_plain_values_pass_a_migration(keys: TenantKeys, caplog: pytest.LogCaptureFixture) -> None:
    """With the unsafe setting, which warns; a value that claims to be sealed must open still."""
    cipher = PayloadCipher(keys, unsafe_accept_plain=True)
    assert "unsafe_accept_plain" in caplog.text
    payload = {"text": "hello"}
    assert cipher.opened_payloads("acme", [("p1", payload)]) == [payload]
    with pytest.raises(SealError):
        cipher.opened("acme", "p1", "text", "rbseal1.hello")


def test_a_sealed_json_value_is_no_text(cipher: PayloadCipher) -> None:
    """`opened` promises a text."""
    (sealed,) = cipher.sealed_payloads("acme", [("p1", {"text": 7})])
    with pytest.raises(SealError, match="not as a text"):
        cipher.opened(*PLACE, sealed["text"])


def test_a_lone_surrogate_is_refused(cipher: PayloadCipher) -> None:
    """It has no UTF-8, so it could not come back."""
    with pytest.raises(InputError, match="UnicodeEncodeError"):
        cipher.sealed(*PLACE, "secret \ud800")


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}])
def test_what_is_not_json_is_refused(cipher: PayloadCipher, value: object) -> None:
    """Before anything is sealed."""
    with pytest.raises(InputError, match="cannot be sealed"):
        cipher.sealed_payloads("acme", [("p1", {"text": value})])


def test_a_text_too_large_is_refused(cipher: PayloadCipher) -> None:
    """Above 64 MiB."""
    with pytest.raises(LimitError, match="at most"):
        cipher.sealed(*PLACE, "x" * (64 * 2**20 + 1))


def test_wrong_data_key_does_not_open(tmp_path: Path, cipher: PayloadCipher) -> None:
    """The same tenant, point, field and version under another installation's keys."""
    kek = LocalKeyEncryption(bytes(range(32)))
    others = TenantKeys(tmp_path / "other.db", kek, MemoryEventSink())
    sealed = PayloadCipher(others).sealed(*PLACE, "hello")
    others.close()
    cipher.sealed(*PLACE, "of here")
    with pytest.raises(SealError, match="sealed with another key"):
        cipher.opened(*PLACE, sealed)


def test_a_tenant_without_key_opens_nothing(cipher: PayloadCipher) -> None:
    """And gets no key by trying."""
    sealed = cipher.sealed(*PLACE, "hello")
    with pytest.raises(TenantKeyError, match="has no key"):
        cipher.opened("globex", "p1", "text", sealed)
    with pytest.raises(TenantKeyError, match="has no key"):
        cipher.opened("globex", "p1", "text", sealed)


def test_a_bad_tenant_name_is_refused(cipher: PayloadCipher) -> None:
    """By the rules for all names."""
    with pytest.raises(UsageError, match="tenant refused"):
        cipher.sealed("acme/../globex", "p1", "text", "hello")


def test_an_empty_batch_asks_for_no_key(cipher: PayloadCipher, keys: TenantKeys) -> None:
    """Nothing sealed, nothing made."""
    assert cipher.sealed_batch("acme", []) == []
    assert keys.live() == []


def test_a_batch_runs_over_the_limit_of_a_key(open_keys: OpenKeys) -> None:
    """Each key seals no more than its limit, the next is made by itself, and all open."""
    keys = open_keys(max_seals=4)
    cipher = PayloadCipher(keys)
    texts = [f"text {at}" for at in range(10)]
    items = [(f"p{at}", "text", text) for at, text in enumerate(texts)]
    sealed = cipher.sealed_batch("acme", items)
    assert [parsed(each).version for each in sealed] == [1] * 4 + [2] * 4 + [3] * 2
    again = [(id_, field, form) for (id_, field, _), form in zip(items, sealed, strict=True)]
    assert cipher.opened_batch("acme", again) == texts


def test_only_stale_payloads_are_resealed(cipher: PayloadCipher, keys: TenantKeys) -> None:
    """A payload of the newest key is left out; the others carry the keys to set and a witness."""
    (old,) = cipher.sealed_payloads("acme", [("p1", {"text": "one", "source": "s"})])
    keys.rotate("acme")
    (new,) = cipher.sealed_payloads("acme", [("p2", {"text": "two", "source": "s"})])
    (change,) = cipher.resealed_payloads("acme", [("p1", old), ("p2", new)])
    assert (change.point_id, change.field, change.was) == ("p1", "text", old["text"])
    assert change.payload.keys() == {"text"}
    assert cipher.opened("acme", "p1", "text", change.payload["text"]) == "one"


def test_threads_share_a_cipher(open_keys: OpenKeys) -> None:
    """Sealing and opening at once, over rotations: every text comes back, no key over its limit."""
    keys = open_keys(max_seals=50)
    cipher = PayloadCipher(keys)
    wrong: list[str] = []

    def work(name: str) -> None:
        for at in range(40):
            text = f"{name} {at}"
            sealed = cipher.sealed("acme", name, "text", text)
            if cipher.opened("acme", name, "text", sealed) != text:
                wrong.append(text)

    threads = [threading.Thread(target=work, args=(f"t{at}",)) for at in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    counts = [key.seals for key in keys.live()]
    assert (sum(counts), max(counts)) == (240, 50)
