"""LSMS's scale-aware vision-language attention (SVLA), and an image encoder that carries it.

FOUND (abstract of arXiv 2408.17347): visual features are extracted and aligned with language in parallel, by diverse
convolution kernels. SISTER: the module is that of SLViT, MSCAN's attention with a language
branch beside its strips. INFERRED (4.1): weights of the branches by the sentence, several heads.
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.image.base import ImageEncoder
from lexseg.encoders.image.mscan import MSCAN, STRIPS, Merge, MSCANBlock, MSCANStage, add_branches
from lexseg.losses.swapped import Said
from lexseg.models.parts.alignment import masked_mean

LanguageBlocks = Literal["all", "stage", "none"]


def pixel_norm(x: Tensor, eps: float = 1e-5) -> Tensor:
    """InstanceNorm over the pixels of float[B, N, C], without weights, in float32; a single pixel becomes zero.

    ``nn.InstanceNorm1d`` refuses a single pixel in training, which is what a 32-pixel image has at stride 32.
    """
    x = x.float()
    centred = x - x.mean(1, keepdim=True)
    return centred * (centred.square().mean(1, keepdim=True) + eps).rsqrt()


class LanguageBranch(nn.Module):
    """The language branch of one block, and the merge of all its branches.

        Q = IN(a0 Wq),  K = words Wk,  V = words Wv
        O = IN(softmax(Q K^T / sqrt(d)) V Wo),  a_vl = tanh(W2 relu(W1 O)) * O
        merged = b_5 a_5 + b_7 a_7 + b_11 a_11 + b_21 a_21 + b_vl a_vl,  b = 5 softmax(Wb s)

    Q, K, V, O and the gate are SLViT's (SISTER; the visual projection that its code makes and never uses is left out);
    heads and b are INFERRED. Padding is minus infinity before the softmax. None of the projections has a bias: what is
    the same for all words or all pixels falls out of the softmax and the norms.

    Args:
        dim: width of the block.
        text_dim: width of the words.
        scale_weights: weigh the branches by the sentence; they start equal, which is the plain sum.
        branches: how many there are, that of the words included.
    """

    def __init__(self, dim: int, text_dim: int, scale_weights: bool = True, branches: int = 5) -> None:
        super().__init__()
        self.heads = max(1, dim // 64)
        if dim % self.heads:
            raise ValueError(f"width {dim} cannot be cut into {self.heads} heads")
        self.query = nn.Linear(dim, dim, bias=False)
        self.key = nn.Linear(text_dim, dim, bias=False)
        self.value = nn.Linear(text_dim, dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)
        self.gate = nn.Sequential(
            nn.Linear(dim, dim, bias=False), nn.ReLU(), nn.Linear(dim, dim, bias=False), nn.Tanh()
        )
        self.scales = nn.Linear(text_dim, branches) if scale_weights else None
        if self.scales is not None:
            nn.init.zeros_(self.scales.weight)
            nn.init.zeros_(self.scales.bias)

    def forward(self, branches: Sequence[Tensor], words: "BatchWords") -> tuple[Tensor, "Attended"]:
        """Weigh the visual branches by the words, and merge them into one map.

        Args:
            branches: the visual branches, float[B, C, h, w], the 5x5 first.
            words: of each image.

        Returns:
            the merged map float[B, C, h, w], and what was heard on the way.
        """
        local = branches[0]
        b, c, h, w = local.shape
        pixels = local.flatten(2).transpose(1, 2)  # [B, h w, C]
        asked = pixel_norm(self.query(pixels)).to(pixels.dtype)
        q, k, v = (self._split(t) for t in (asked, self.key(words.states), self.value(words.states)))
        score = (q @ k.transpose(-1, -2)).float() * (c // self.heads) ** -0.5  # [B, heads, h w, L]
        score = score.masked_fill(~words.mask[:, None, None, :], float("-inf"))
        read = (score.softmax(-1).to(v.dtype) @ v).transpose(1, 2).reshape(b, h * w, c)
        out = pixel_norm(self.out(read)).to(pixels.dtype)
        out = (self.gate(out) * out).transpose(1, 2).reshape(b, c, h, w)
        relevance = score.amax(-1).mean(1).reshape(b, 1, h, w)  # the best word of each cell
        heard = Attended(relevance, asked.transpose(1, 2).reshape(b, c, h, w))
        every = [*branches, out]
        if self.scales is None:
            return add_branches(every), heard
        weights = len(every) * self.scales(words.sentence).float().softmax(-1).to(out.dtype)
        return add_branches([weights[:, i, None, None, None] * x for i, x in enumerate(every)]), heard

    def _split(self, x: Tensor) -> Tensor:
        """float[B, N, C] -> float[B, heads, N, C / heads]."""
        return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)


class Attended(NamedTuple):
    """What a language branch made of the words.

    Attributes:
        relevance: float[B, 1, h, w], for each pixel the best score that any word has there, before the softmax,
            averaged over the heads. (SLViT's code sums the softmax over its own axis, which is one everywhere.)
        queries: float[B, C, h, w], what the pixels asked for.
    """

    relevance: Tensor
    queries: Tensor


class BatchWords:
    """The words of a batch, as every block reads them.

    Attributes:
        states: float[B, L, D], zero where there is no word.
        mask: bool[B, L], at least one true a row.
        sentence: float[B, D], the mean over the words that are there.
    """

    __slots__ = ("mask", "sentence", "states")

    def __init__(self, states: Tensor, mask: Tensor) -> None:
        self.states, self.mask = states, mask
        self.sentence = masked_mean(states, mask)

    def first(self, n: int) -> "BatchWords":
        """Those of the first ``n`` rows."""
        return BatchWords(self.states[:n], self.mask[:n])

    def before(self, others: "BatchWords") -> "BatchWords":
        """These and, after them, others of the same length."""
        return BatchWords(
            torch.cat([self.states, others.states.to(self.states.dtype)]), torch.cat([self.mask, others.mask])
        )


class SVLAEncoder(nn.Module):
    """An image encoder into which the words enter.

    On MSCAN, the blocks of the encoder itself get a language branch. On another encoder (the ``lite`` size of LSMS: the
    packaged EfficientNet-Lite0) one SVLA block of its own follows each stage; its layer scale starts so small that what
    the pretrained stages hand to one another survives.

    Args:
        encoder: with ``stages``, one for each map.
        text_dim: width of the words.
        language_blocks: on MSCAN, ``all`` blocks, only the last of each ``stage``, or ``none``; on other encoders
            ``all`` and ``stage`` are the same. With ``none`` this is the encoder alone: it reads no words.
        scale_weights: of :class:`LanguageBranch`.
        mlp_ratio: of the blocks put after another encoder's stages.
        layer_scale: of those blocks, at the start.
        kernels: lengths of those blocks' strips, beside their 5x5; MSCAN has its own.
    """

    def __init__(
        self,
        encoder: ImageEncoder,
        text_dim: int,
        *,
        language_blocks: LanguageBlocks = "all",
        scale_weights: bool = True,
        mlp_ratio: float = 2.0,
        layer_scale: float = 0.01,
        kernels: Sequence[int] = STRIPS,
    ) -> None:
        super().__init__()
        if isinstance(encoder, MSCAN) and tuple(kernels) != STRIPS:
            raise ValueError(f"kernels are of the blocks put after another encoder's stages; MSCAN has {list(STRIPS)}")
        if getattr(encoder, "even", ()) and language_blocks != "none":
            raise ValueError("even_scale is of maps as the encoder ends them, and SVLA stands between its stages")
        if any(kernel % 2 == 0 for kernel in kernels):
            raise ValueError(f"kernels are {list(kernels)}; odd lengths were expected")
        self.encoder = encoder
        self.channels = tuple(encoder.channels)
        self.reads_words = language_blocks != "none"
        # For each stage, the indices of its blocks that read words.
        self.places: list[list[int]] = [[] for _ in self.channels]
        self.added = nn.ModuleList()
        if self.reads_words and isinstance(encoder, MSCAN):
            depths = [len(cast(MSCANStage, stage).blocks) for stage in encoder.stages]
            self.places = [list(range(d)) if language_blocks == "all" else [d - 1] for d in depths]
        elif self.reads_words:
            self.places = [[0] for _ in self.channels]
            self.added.extend(MSCANBlock(c, mlp_ratio, layer_scale=layer_scale, strips=kernels) for c in self.channels)
        self.branches = nn.ModuleList(
            nn.ModuleList(LanguageBranch(width, text_dim, scale_weights, len(kernels) + 2) for _ in places)
            for width, places in zip(self.channels, self.places, strict=True)
        )

    def forward(self, image: Tensor, words: BatchWords | None) -> tuple[list[Tensor], list[Attended]]:
        """Maps of an image that has been read with the words in mind.

        Args:
            image: float[B, 3, H, W], normalised.
            words: ``None`` only where ``reads_words`` is false.

        Returns:
            the four maps, and for each what its last block that reads words has heard (none with ``none``).
        """
        if not self.reads_words:
            return self.encoder(image), []
        assert words is not None, "this encoder reads words"
        x, maps, heard = image, [], []
        for i, stage in enumerate(self.encoder.stages):
            seen: list[Attended] = []
            listening = [partial(_merge, branch, words, seen) for branch in cast(nn.ModuleList, self.branches[i])]
            if self.added:
                x = self.added[i](stage(x), listening[0])
            else:
                merges: list[Merge] = [add_branches] * len(cast(MSCANStage, stage).blocks)
                for place, merge in zip(self.places[i], listening, strict=True):
                    merges[place] = merge
                x = stage(x, merges)
            maps.append(x)
            heard.append(seen[-1])
        return maps, heard

    def say(self, words: BatchWords) -> list[Said]:
        """The words as each stage's queries meet them: by the keys of its last block that reads words."""
        last = [cast(LanguageBranch, cast(nn.ModuleList, branches)[-1]) for branches in self.branches]
        keys = [(b.key(words.states).float(), b.key(words.sentence).float()) for b in last]
        return [
            Said(F.normalize(states, dim=-1), F.normalize(sentence, dim=-1), words.mask) for states, sentence in keys
        ]


def _merge(branch: nn.Module, words: BatchWords, seen: list[Attended], branches: list[Tensor]) -> Tensor:
    merged, heard = branch(branches, words)
    seen.append(heard)
    return cast(Tensor, merged)
