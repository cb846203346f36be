"""The shape of an RFC 6962 tree that grows: which nodes an append makes, and which a proof needs.

A node (level, index) is the root of the full subtree over leaves ``index << level`` up to, and not
with, ``(index + 1) << level``. Full subtrees never change, so they are stored once; the root of any
size, and any proof, is folded from at most 2 log2(n) of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from ..merkle import HASH_BYTES, node_hash, root_from_path

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without leaves (RFC 6962, 2.1)."""

MAX_SIZE = 1 << 48
"""More leaves than one log will hold; a size beyond it in a checkpoint or proof is refused."""

Node = tuple[int, int]
Range = tuple[int, int]
"""Leaves from the first, up to and not with the second."""


def position(level: int, index: int) -> int:
    """Return a node's place in an in-order walk: one integer, which grows as the tree does."""
    return (index << (level + 1)) | ((1 << level) - 1)


def node_at(place: int) -> Node:
    """Return the node of a position."""
    level = (~place & (place + 1)).bit_length() - 1
    return level, place >> (level + 1)


def cover(start: int, stop: int) -> list[Node]:
    """Return the full subtrees that make up a range, largest first.

    INVARIANT: ``start`` is a multiple of the largest power of two in the range's length, which
    holds for every range that RFC 6962 names.
    """
    size = stop - start
    levels = range(size.bit_length() - 1, -1, -1)
    return [
        (level, (start >> level) + (size >> level) - 1) for level in levels if size >> level & 1
    ]


def fold(hashes: Sequence[bytes]) -> bytes:
    """Return the root over the subtrees of `cover`, in its order; the empty root for none."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def grow(
    size: int, leaves: Sequence[bytes], edge: Mapping[Node, bytes]
) -> Iterator[tuple[int, int, list[bytes]]]:
    """Yield, for each level, (level, first index, hashes) of the nodes that new leaves complete.

    ``edge`` holds the nodes of ``cover(0, size)``. Costs n - 1 hashes for n leaves, and log2(size).
    """
    level, first, hashes = 0, size, list(leaves)
    while hashes:
        yield level, first, hashes
        if first % 2:
            hashes, first = [edge[level, first - 1], *hashes], first - 1
        pairs = zip(hashes[::2], hashes[1::2], strict=False)
        sha256 = hashlib.sha256
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
        level, first = level + 1, first >> 1


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Return the ranges whose roots make the path of a leaf, from its sibling up (2.1.1)."""
    start, stop, ranges = 0, size, list[Range]()
    while stop - start > 1:
        middle = start + (1 << (stop - start - 1).bit_length() - 1)
        if index < middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """Return the ranges whose roots prove that a tree grew from ``old`` to ``new`` (2.1.2)."""
    start, stop, ranges = 0, new, list[Range]()
    if old == 0:
        return ranges
    while old != stop:
        middle = start + (1 << (stop - start - 1).bit_length() - 1)
        if old <= middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:
        ranges.append((start, stop))
    return ranges[::-1]


def roots_of(
    ranges: Sequence[Range], nodes: Callable[[Sequence[Node]], Mapping[Node, bytes]]
) -> list[bytes]:
    """Return the root of each range, with one call of ``nodes`` for all the nodes that it takes."""
    covers = [cover(*each) for each in ranges]
    found = nodes([node for each in covers for node in each])
    return [fold([found[node] for node in each]) for each in covers]


def includes(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Return whether a path proves a leaf hash at an index of the tree (RFC 9162, 2.1.3.2)."""
    if not _are_hashes([leaf, root, *path]) or size > MAX_SIZE:
        return False
    return root_from_path(leaf, index, size, path) == root


def grew(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Return whether a proof shows that the new tree holds the old one (RFC 9162, 2.1.4.2).

    Every tree holds the empty one, whose root is not looked at, as in the RFC.
    """
    if not 0 <= old <= new <= MAX_SIZE or not _are_hashes(proof):
        return False
    if old in (0, new):
        return not proof and (old_root == new_root or old != new)
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    return _roots(old - 1, new - 1, path) == (old_root, new_root)


def _roots(old_last: int, new_last: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Return the two roots that a consistency path leads to, or None if it has a wrong length."""
    shift = (~old_last & (old_last + 1)).bit_length() - 1
    old_last, new_last = old_last >> shift, new_last >> shift
    old_root = new_root = path[0]
    for sibling in path[1:]:
        if new_last == 0:
            return None
        if old_last % 2 or old_last == new_last:
            old_root, new_root = node_hash(sibling, old_root), node_hash(sibling, new_root)
            while old_last % 2 == 0 and old_last:
                old_last, new_last = old_last >> 1, new_last >> 1
        else:
            new_root = node_hash(new_root, sibling)
        old_last, new_last = old_last >> 1, new_last >> 1
    return (old_root, new_root) if new_last == 0 else None


def _are_hashes(values: Sequence[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
