"""What topics a chunk states: values of one of its metadata fields, which are signed.

The field is the document's own word, and a source may lie in it. What a policy gains is that a
source can pass for no other topic than those that it may speak for.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

UNSTATED = ""
"""The topic of a chunk that states none, or not in a form that is read: no pattern allows it."""

_MAX_TOPICS = 16
_MAX_CHARS = 256


def topics_in(metadata: Mapping[str, Any], field: str) -> tuple[str, ...]:
    """Return the topics of a chunk's metadata, folded; `UNSTATED` alone where there are none.

    A text is one topic, a list of texts (16 at most) several. Whatever else stands there counts as
    none stated, also where only a part of it is not a topic.
    """
    stated = metadata.get(field)
    listed = [stated] if isinstance(stated, str) else stated
    if not isinstance(listed, list | tuple) or not 0 < len(listed) <= _MAX_TOPICS:
        return (UNSTATED,)
    topics = tuple(dict.fromkeys(folded_topic(each) for each in listed))
    return (UNSTATED,) if UNSTATED in topics else topics


def folded_topic(topic: object) -> str:
    """Return a topic as it is compared: NFKC, without case; `UNSTATED` for what is none.

    What does not print could look like another topic and match no pattern for it.
    """
    if not isinstance(topic, str) or len(topic) > _MAX_CHARS:
        return UNSTATED
    return _folded(topic)


@lru_cache(10_000)
def _folded(topic: str) -> str:
    folded = unicodedata.normalize("NFKC", topic).casefold().strip()
    return folded if folded.isprintable() else UNSTATED
