"""The gate's network: a small convolutional one, for a fraction of a millisecond a window."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel

from .network import WIDTH, packaged_base
from .windows import PAD

NARROW, CHANNELS, REACH = 32, 64, 5


class GateNetwork(nn.Module):
    """Token logits (b, l) from token ids (b, l): what stands near, and what the window is about.

    Word vectors are MiniLM's, frozen, made narrow by a matrix that is learned and then multiplied
    in; two convolutions see a few words around, the mean over the window says what it is about.
    """

    def __init__(self) -> None:
        super().__init__()
        base = AutoModel.from_pretrained(packaged_base())
        words = base.embeddings.word_embeddings.weight.detach()
        self.words = nn.Embedding.from_pretrained(functional.normalize(words, dim=1))
        self.narrow = nn.Linear(WIDTH, NARROW)
        self.first = nn.Conv1d(NARROW, CHANNELS, REACH, padding=REACH // 2)
        self.second = nn.Conv1d(CHANNELS, CHANNELS, REACH, padding=REACH - 1, dilation=2)
        self.about = nn.Linear(CHANNELS, CHANNELS)
        self.mixed = nn.Linear(2 * CHANNELS, CHANNELS)
        self.token = nn.Linear(CHANNELS, 1)

    def forward(self, ids: Tensor) -> Tensor:
        """Return token logits (b, l)."""
        hidden = self.narrow(self.words(ids)).transpose(1, 2)
        hidden = functional.relu(self.first(hidden))
        hidden = (hidden + functional.relu(self.second(hidden))).transpose(1, 2)
        shown = (ids != PAD).unsqueeze(-1).float()
        mean = (hidden * shown).sum(1, keepdim=True) / shown.sum(1, keepdim=True)
        about = self.about(mean).expand_as(hidden)
        mixed = functional.relu(self.mixed(torch.cat([hidden, about * hidden], dim=-1)))
        return self.token(mixed).squeeze(-1)

    def narrowed(self) -> GateNetwork:
        """Return the network with its narrow word vectors in one table, to be shipped."""
        with torch.no_grad():
            table = self.narrow(self.words.weight)
        self.words = nn.Embedding.from_pretrained(table.half().float())
        self.narrow = nn.Identity()
        return self
