"""The tree agrees with RFC 6962 and a path proves one place only."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ragbastion.ingest.provenance.merkle import build_tree, leaf_hash, root_from_path

# The test vectors of the certificate-transparency reference implementation (RFC 6962).
_LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243")]
_ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
}


@pytest.mark.parametrize("size", _ROOTS)
def test_root_matches_the_published_vectors(size: int) -> None:
    """Roots over the first leaves are those that other implementations publish."""
    root, _ = build_tree([leaf_hash(leaf) for leaf in _LEAVES[:size]])
    assert root.hex() == _ROOTS[size]


@pytest.mark.parametrize("size", range(1, 40))
def test_every_path_leads_to_the_root(size: int) -> None:
    """Each leaf's path verifies, whatever the shape of the tree."""
    leaves = [leaf_hash(bytes([at])) for at in range(size)]
    root, paths = build_tree(leaves)
    assert all(
        root_from_path(leaf, at, size, path) == root
        for at, (leaf, path) in enumerate(zip(leaves, paths, strict=True))
    )


@given(st.integers(1, 64), st.data())
def test_a_path_proves_no_other_place(size: int, data: st.DataObject) -> None:
    """A path used for another index, size or leaf does not lead to the root."""
    at = data.draw(st.integers(0, size - 1))
    leaves = [leaf_hash(bytes([each])) for each in range(size)]
    root, paths = build_tree(leaves)
    other = data.draw(
        st.integers(0, size - 1).filter(lambda index: index != at) if size > 1 else st.just(size)
    )
    assert root_from_path(leaves[at], other, size, paths[at]) != root
    assert root_from_path(hashlib.sha256(b"x").digest(), at, size, paths[at]) != root
    assert root_from_path(leaves[at], at, size, [*paths[at], leaves[at]]) != root


def test_no_leaves_is_an_error() -> None:
    """An empty batch has no root."""
    with pytest.raises(ValueError, match="at least one"):
        build_tree([])
