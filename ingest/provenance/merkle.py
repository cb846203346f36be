"""Merkle trees as RFC 6962 defines them: one root vouches for thousands of leaves.

- INVARIANT: leaf and node hashes have different prefixes, so a node can never pass for a leaf.
- INVARIANT: a path verifies for exactly one (leaf, index, tree size, root).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

HASH_BYTES = 32

_KEPT_NODES = 16_384
"""About 5 MB. The chunks of a batch share most of their paths, so a reader of many saves most of
the hashing; nothing is taken on trust, a node is kept under the two hashes that make it."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf's bytes (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


@lru_cache(maxsize=_KEPT_NODES)
def _node_hash(pair: bytes) -> bytes:
    """Return the hash of a node; ``pair`` is its left and its right hash."""
    return hashlib.sha256(b"\x01" + pair).digest()


def build_tree(leaves: Sequence[bytes]) -> tuple[bytes, list[list[bytes]]]:
    """Return the root over leaf hashes and, for each leaf, its path of sibling hashes.

    The odd node at the end of a level is carried up unchanged, which gives RFC 6962's tree. Costs
    n - 1 hashes. Raises ValueError for no leaves: an empty batch proves nothing.
    """
    if not leaves:
        raise ValueError("a Merkle tree needs at least one leaf")
    paths: list[list[bytes]] = [[] for _ in leaves]
    level = list(leaves)
    spans = [(index, index + 1) for index in range(len(leaves))]
    while len(level) > 1:
        level, spans = _next_level(level, spans, paths)
    return level[0], paths


def _next_level(
    level: list[bytes], spans: list[tuple[int, int]], paths: list[list[bytes]]
) -> tuple[list[bytes], list[tuple[int, int]]]:
    """Pair up one level; each leaf below a pair gets the other half's hash on its path."""
    up: list[bytes] = []
    up_spans: list[tuple[int, int]] = []
    for at in range(0, len(level) - 1, 2):
        left, right = level[at], level[at + 1]
        for leaf in range(*spans[at]):
            paths[leaf].append(right)
        for leaf in range(*spans[at + 1]):
            paths[leaf].append(left)
        up.append(_node_hash(left + right))
        up_spans.append((spans[at][0], spans[at + 1][1]))
    if len(level) % 2:
        up.append(level[-1])
        up_spans.append(spans[-1])
    return up, up_spans


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that a path leads to, or None if it does not fit index and size.

    The algorithm of RFC 9162, 2.1.3.2.
    """
    if not 0 <= index < size:
        return None
    node, last, result = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            result = _node_hash(sibling + result)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            result = _node_hash(result + sibling)
        node, last = node >> 1, last >> 1
    return result if last == 0 else None
