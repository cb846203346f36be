"""Merkle trees as RFC 6962 defines them: one root vouches for thousands of leaves.

- INVARIANT: leaf and node hashes have different prefixes, so a node can never pass for a leaf.
- INVARIANT: a path verifies for exactly one (leaf, index, tree size, root).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256

HASH_BYTES = 32

_KEPT_WAYS = 4_096
"""About 4 MB. A way is kept under all that decides where it leads, so nothing is taken on trust."""

_MOST_LEVELS = 64
_OWN_LEVELS = 2
"""Four chunks of a batch share the way from here up: who reads many saves most of the hashing."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf's bytes (RFC 6962, 2.1)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node (RFC 6962, 2.1)."""
    return sha256(b"\x01" + left + right).digest()


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
        up.append(node_hash(left, right))
        up_spans.append((spans[at][0], spans[at + 1][1]))
    if len(level) % 2:
        up.append(level[-1])
        up_spans.append(spans[-1])
    return up, up_spans


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that a path leads to, or None if it does not fit index and size.

    The algorithm of RFC 9162, 2.1.3.2.
    """
    if not 0 <= index < size or len(path) > _MOST_LEVELS:
        return None
    path = tuple(path)
    reached = _climb(leaf, index, size - 1, path[:_OWN_LEVELS])
    if reached is None:
        return None
    result, node, last = reached
    return _root_above(result, node, last, path[_OWN_LEVELS:])


@lru_cache(maxsize=_KEPT_WAYS)
def _root_above(result: bytes, node: int, last: int, path: tuple[bytes, ...]) -> bytes | None:
    """Return the root that the rest of a path leads to, or None if it does not end there."""
    reached = _climb(result, node, last, path)
    return reached[0] if reached is not None and reached[2] == 0 else None


def _climb(
    result: bytes, node: int, last: int, path: tuple[bytes, ...]
) -> tuple[bytes, int, int] | None:
    """Return hash, place and last place after the steps of a path, None if it is too long.

    Hashes as `node_hash`, whose call would take a fifth of the time.
    """
    for sibling in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            result = sha256(b"\x01" + sibling + result).digest()
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            result = sha256(b"\x01" + result + sibling).digest()
        node, last = node >> 1, last >> 1
    return result, node, last
