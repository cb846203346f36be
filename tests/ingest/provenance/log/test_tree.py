"""Trees and proofs agree with the published vectors, and a changed proof proves nothing."""

import hashlib
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ragbastion.ingest.provenance.log.tree import (
    Node,
    consistency_ranges,
    cover,
    grew,
    grow,
    includes,
    inclusion_ranges,
    node_at,
    position,
    roots_of,
)
from ragbastion.ingest.provenance.merkle import leaf_hash, node_hash

from .vectors import CONSISTENCY, INCLUSION, LEAVES, ROOTS

ROOT = [bytes.fromhex(text) for text in ROOTS]
OTHER = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")


def grown(leaves: Sequence[bytes], batches: Sequence[int]) -> dict[Node, bytes]:
    """Return the nodes after appending leaves in batches of these sizes, and then the rest."""
    nodes: dict[Node, bytes] = {}
    size = 0
    for count in [*batches, len(leaves)]:
        for level, first, hashes in grow(size, leaves[size : size + count], nodes):
            nodes.update({(level, first + at): value for at, value in enumerate(hashes)})
        size = min(size + count, len(leaves))
    return nodes


def reference(leaves: Sequence[bytes]) -> bytes:
    """Return the root as RFC 6962, 2.1 defines it, by recursion."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    middle = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(reference(leaves[:middle]), reference(leaves[middle:]))


class Reader:
    """Gives out stored nodes and counts how many were asked for."""

    def __init__(self, nodes: Mapping[Node, bytes]) -> None:
        self._nodes = nodes
        self.read = 0

    def __call__(self, wanted: Sequence[Node]) -> dict[Node, bytes]:
        """Return the nodes."""
        self.read += len(wanted)
        return {node: self._nodes[node] for node in wanted}


PUBLISHED = Reader(grown([leaf_hash(leaf) for leaf in LEAVES], [1, 2]))


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size: int) -> None:
    """Of the empty tree too."""
    assert roots_of([(0, size)], PUBLISHED) == [ROOT[size]]


@pytest.mark.parametrize(("leaf", "size", "path"), INCLUSION)
def test_inclusion_proofs_are_the_published_ones(leaf: int, size: int, path: list[str]) -> None:
    """Each is made as published, and verifies."""
    made = roots_of(inclusion_ranges(leaf - 1, size), PUBLISHED)
    assert [each.hex() for each in made] == path
    assert includes(leaf_hash(LEAVES[leaf - 1]), leaf - 1, size, made, ROOT[size])


@pytest.mark.parametrize(("old", "new", "proof"), CONSISTENCY)
def test_consistency_proofs_are_the_published_ones(old: int, new: int, proof: list[str]) -> None:
    """Each is made as published, and verifies."""
    made = roots_of(consistency_ranges(old, new), PUBLISHED)
    assert [each.hex() for each in made] == proof
    assert grew(old, ROOT[old], new, ROOT[new], made)


@pytest.mark.parametrize(("leaf", "size", "path"), INCLUSION)
def test_corrupt_inclusion_proofs_are_refused(leaf: int, size: int, path: list[str]) -> None:
    """The corruptions of the published tests: index, size, leaf, root, and the path itself."""
    own, at, root = leaf_hash(LEAVES[leaf - 1]), leaf - 1, ROOT[size]
    good = [bytes.fromhex(each) for each in path]
    probes = [
        *((own, wrong, size, good, root) for wrong in (at - 1, at + 1, at ^ 2)),
        (own, at, size * 2, good, root),
        (own, at, size // 2, good, root),
        (b"WrongLeaf", at, size, good, root),
        (OTHER, at, size, good, root),
        (own, at, size, good, ROOT[0]),
        (own, at, size, good, OTHER),
        *((own, at, size, [*good, more], root) for more in (b"", root)),
        *((own, at, size, [more, *good], root) for more in (b"", root)),
        *((own, at, size, _flipped(good, which), root) for which in range(len(good))),
        *((own, at, size, good[:-1], root) for _ in good[:1]),
        *((own, at, size, [good[0], OTHER, *good[1:]], root) for _ in good[:1]),
    ]
    assert [includes(*probe) for probe in probes] == [False] * len(probes)


@pytest.mark.parametrize(("old", "new", "proof"), [each for each in CONSISTENCY if each[2]])
def test_corrupt_consistency_proofs_are_refused(old: int, new: int, proof: list[str]) -> None:
    """The corruptions of the published tests: sizes, roots, and the proof itself."""
    good = [bytes.fromhex(each) for each in proof]
    first, second = ROOT[old], ROOT[new]
    probes = [
        # Size 0 is consistent with all; the published probe has a proof there, which is refused.
        *((wrong, first, new, second, good) for wrong in (old - 1, old + 1, old ^ 2)),
        (old, first, new * 2, second, good),
        (old, first, new // 2, second, good),
        (old, b"WrongRoot", new, second, good),
        (old, first, new, b"WrongRoot", good),
        (old, second, new, first, good),
        (old, first, new, second, []),
        *((old, first, new, second, [*good, more]) for more in (b"", first, second)),
        *((old, first, new, second, [more, *good]) for more in (b"", first, second, good[0])),
        (old, first, new, second, good[:-1]),
        *((old, first, new, second, _flipped(good, which)) for which in range(len(good))),
    ]
    assert [grew(*probe) for probe in probes] == [False] * len(probes)


@pytest.mark.parametrize(
    ("old", "new", "same_root", "proof", "holds"),
    [
        (0, 0, True, [], True),
        (0, 0, False, [], False),
        (0, 1, False, [], True),
        (1, 1, True, [], True),
        (1, 1, False, [], False),
        (1, 0, False, [], False),
        (2, 1, False, [], False),
        (1, 2, False, [], False),
        (0, 0, True, [ROOT[0]], False),
        (0, 1, True, [ROOT[0]], False),
        (1, 1, True, [ROOT[0]], False),
    ],
)
def test_edges_of_consistency(
    old: int, new: int, same_root: bool, proof: list[bytes], holds: bool
) -> None:
    """The published table of sizes that are always, or never, consistent."""
    assert grew(old, ROOT[3], new, ROOT[3] if same_root else ROOT[4], proof) is holds


@given(st.integers(0, 200), st.lists(st.integers(0, 70), max_size=6), st.data())
@settings(max_examples=60)
def test_any_growth_gives_one_tree(size: int, batches: list[int], data: st.DataObject) -> None:
    """However it was appended, a tree has RFC 6962's root, and its proofs verify and are short."""
    leaves = [leaf_hash(at.to_bytes(2, "big")) for at in range(size)]
    nodes = Reader(grown(leaves, batches))
    root = reference(leaves)
    assert roots_of([(0, size)], nodes) == [root]
    old = data.draw(st.integers(0, size))
    nodes.read = 0
    proof = roots_of(consistency_ranges(old, size), nodes)
    assert grew(old, reference(leaves[:old]), size, root, proof)
    if size:
        at = data.draw(st.integers(0, size - 1))
        path = roots_of(inclusion_ranges(at, size), nodes)
        assert includes(leaves[at], at, size, path, root)
    assert nodes.read <= 4 * max(1, size.bit_length())


@given(st.integers(1, 1 << 40), st.integers(0, 40))
def test_positions_are_unique_and_inverse(index: int, level: int) -> None:
    """A node's position names it, and lies between those of its two children."""
    assert node_at(position(level, index)) == (level, index)
    if level:
        left, right = position(level - 1, 2 * index), position(level - 1, 2 * index + 1)
        assert left < position(level, index) < right


@given(st.integers(0, 1 << 40))
def test_a_cover_is_the_bits_of_its_size(size: int) -> None:
    """Full subtrees, largest first, side by side, and no leaf twice."""
    at = 0
    for level, index in cover(0, size):
        assert index << level == at
        at += 1 << level
    assert at == size


def _flipped(proof: list[bytes], which: int) -> list[bytes]:
    changed = list(proof)
    changed[which] = bytes([changed[which][0] ^ 8]) + changed[which][1:]
    return changed
