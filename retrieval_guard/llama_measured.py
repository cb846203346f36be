"""LlamaIndex nodes as the poisoning signals see them: documents, with the text of their nodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from llama_index.core.schema import BaseNode, MetadataMode

from ..core.chunk import Digest, Matrix
from ..core.verdict import Verdict
from ..ingest.collection_screening import is_held
from ..ingest.prepared import flags_and_signals
from ..ingest.signals import SignalInput
from .llama_documents import version_digests
from .llama_nodes import document_of

SIGNALS = "signals"
"""What retrieval reads a passage's marks from."""

_LABEL_WORDS = 4
"""Words of a piece of metadata that may be a question; less is a name, a date or a path."""


@dataclass(slots=True, kw_only=True)
class NodeDocument:
    """The nodes of one document in a call, in order, and what has been found out about them.

    ``text`` is theirs, what they share told once; ``spans`` are the nodes' places in it. ``label``
    is what of the loader's metadata was embedded with them. All untrusted.
    """

    name: str
    source: str
    digest: Digest
    nodes: Sequence[BaseNode]
    text: str
    spans: Sequence[tuple[int, int]]
    label: str = ""
    vectors: Matrix | None = None
    verdict: Verdict = field(default_factory=Verdict.allow)
    released: str = ""

    @property
    def version(self) -> tuple[str, str, str]:
        """Source, name and digest: what a decision is about."""
        return (self.source, self.name, self.digest)

    @property
    def is_held(self) -> bool:
        """Whether it is to be held back."""
        return is_held(self)

    def signal_input(self) -> SignalInput:
        """Return the document as the signals see it."""
        return SignalInput(
            document=self.name,
            source=self.source,
            text=self.text,
            pieces=tuple(map(_said, self.nodes)),
            vectors=self.vectors,
            digest=self.digest,
        )

    def labelled(self) -> NodeDocument:
        """Return the document with its label before its text, as the model embedded them."""
        return replace(self, text=f"{self.label}\n{self.text}")

    def mark(self) -> None:
        """Put the signals that flagged a node into its metadata, as retrieval reads them.

        As text: some stores take only flat metadata. A field of the same name that came along must
        not pass for a finding of ours.
        """
        for node, (start, end) in zip(self.nodes, self.spans, strict=True):
            _, signals = flags_and_signals(self.verdict, start, end)
            if signals or SIGNALS in node.metadata:
                node.metadata[SIGNALS] = ",".join(signals)
                for hidden in (node.excluded_embed_metadata_keys, node.excluded_llm_metadata_keys):
                    hidden.extend({SIGNALS} - set(hidden))


def documents_in(
    nodes: Sequence[BaseNode], source: str, *, directions: bool = False
) -> list[NodeDocument]:
    """Return the documents that embedded nodes of a source are of, as `chunk_of` names them.

    With ``directions`` vectors of any length are made unit vectors.
    """
    own: dict[str, list[BaseNode]] = defaultdict(list)
    digests: dict[str, Digest] = {}
    for node, digest in zip(nodes, version_digests(nodes), strict=True):
        name = document_of(node)
        own[name].append(node)
        digests[name] = digest
    documents = []
    for name, members in own.items():
        text, spans = _joined(members)
        vectors = _matrix(members)
        documents.append(
            NodeDocument(
                name=name,
                source=source,
                digest=digests[name],
                nodes=members,
                text=text,
                spans=spans,
                label=_label(members),
                vectors=unit_rows(vectors) if directions else vectors,
            )
        )
    return documents


def unit_rows(vectors: Matrix) -> Matrix:
    """Return the rows with length 1; what has no length (zeros, NaN, infinity) stays as it is."""
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
        fits = np.isfinite(lengths) & (lengths > 0)
        return np.asarray(vectors / np.where(fits, lengths, 1.0), dtype=np.float32)


def _said(node: BaseNode) -> str:
    return str(node.get_content(metadata_mode=MetadataMode.NONE))


def _joined(nodes: Sequence[BaseNode]) -> tuple[str, list[tuple[int, int]]]:
    """Return the nodes' text, and where in it each stands."""
    text, spans, end = "", [], -1
    for node in nodes:
        said, start = _said(node), getattr(node, "start_char_idx", None)
        shared = max(0, end - start) if start is not None else 0
        # Offsets are the splitter's word: two pages that are documents of their own have both 0.
        if not shared or not text.endswith(said[:shared]):
            shared = 0
            text += "\n" if text else ""
        begin = len(text) - shared
        text += said[shared:]
        spans.append((begin, begin + len(said)))
        end = -1 if start is None else start + len(said)
    return text, spans


def _matrix(nodes: Sequence[BaseNode]) -> Matrix:
    """Return the nodes' embeddings (n, d); none at all where they are not of one length."""
    rows = [node.embedding or [] for node in nodes]
    if len(set(map(len, rows))) != 1:
        return np.zeros((0, 0), dtype=np.float32)
    with np.errstate(over="ignore"):  # too large a number becomes infinity, which is held
        return np.array(rows, dtype=np.float32)


def _label(nodes: Sequence[BaseNode]) -> str:
    """Return what was embedded beside the text and came from outside.

    A document's own metadata, and not what LlamaIndex's extractors add to its nodes: questions that
    a model thought of are no echo.
    """
    values: dict[str, None] = {}
    for node in nodes:
        origin = node.source_node
        metadata = node.metadata if origin is None else origin.metadata
        for key, value in metadata.items():
            embedded = key not in node.excluded_embed_metadata_keys
            if embedded and isinstance(value, str) and len(value.split()) >= _LABEL_WORDS:
                values[value] = None
    return "\n".join(values)
