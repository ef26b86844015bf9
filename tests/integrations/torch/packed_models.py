"""A model with several kinds of layers, and one layer of each kind, for those that have torch."""

import torch
from torch import nn


class Model(nn.Module):
    """Layers to be quantized, two of which share a weight, and others that stay."""

    def __init__(self):
        """Make them, the same each time."""
        super().__init__()
        torch.manual_seed(0)
        self.words = nn.Embedding(40, 32)
        self.memory = nn.LSTM(32, 32, bidirectional=True)
        self.norm = nn.LayerNorm(64)
        self.conv = nn.Conv1d(64, 32, 3, padding=1)
        self.out = nn.Linear(32, 40, bias=False)
        self.out.weight = self.words.weight

    def forward(self, words):
        """Words to scores of words."""
        x = self.norm(self.memory(self.words(words))[0])
        return self.out(self.conv(x.transpose(1, 2)).transpose(1, 2))


def layers():
    """One layer of each kind, with what it takes."""
    torch.manual_seed(0)
    image, sequence = torch.randn(2, 6, 9, 9), torch.randn(5, 3, 20)
    words = torch.tensor([[3, 49], [0, 3]])
    return {
        "linear": (nn.Linear(100, 7), torch.randn(3, 100)),
        "conv1d": (nn.Conv1d(6, 5, 3), image[..., 0]),
        "conv2d": (nn.Conv2d(6, 5, 3, stride=2), image),
        "conv2d of one channel each": (nn.Conv2d(6, 12, 3, groups=6), image),
        "conv3d": (nn.Conv3d(2, 3, 2), torch.randn(1, 2, 4, 4, 4)),
        "transposed": (nn.ConvTranspose2d(6, 5, 3), image),
        "embedding": (nn.Embedding(50, 24, padding_idx=0), words),
        "embedding with a norm": (nn.Embedding(50, 24, max_norm=1.0), words),
        "bag": (nn.EmbeddingBag(50, 24), words),
        "lstm": (nn.LSTM(20, 16, num_layers=2, bidirectional=True), sequence),
        "lstm with a projection": (nn.LSTM(20, 16, proj_size=8), sequence),
        "gru": (nn.GRU(20, 16, batch_first=True), sequence),
        "rnn": (nn.RNN(20, 16), sequence),
        "cell": (nn.LSTMCell(20, 16), sequence[0]),
    }
