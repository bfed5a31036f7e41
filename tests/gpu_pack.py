"""All questions of the six worlds, packed for a GPU machine: the first stage of the bundled model's training.

``python tests/gpu_pack.py MANIFESTS FOLDER --encoder efficientnet-lite2`` packs the training cases of the manifests
that ``tests/worlds.py`` prints: every question in every wording, misspelt and mirrored ones too, images as WebP, masks
as bits, sentences as token ids, MiniLM with those rows of its vocabulary that occur, and the image encoder. 103 MB for
13,314 images. ``tests/gpu_train.py`` trains from it.
"""

import argparse
import io
import json
import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch.nn import functional as F

from lexseg.cases.case import Case
from lexseg.cases.manifest import read_manifest
from lexseg.cases.truth import truth_of
from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.swapped import AXES, swap_places
from lexseg.language.paraphrase import paraphrase
from lexseg.language.same_meaning import meaning_id
from lexseg.language.sides import mirror_words
from lexseg.language.typos import misspell
from lexseg.models.inputs import image_tensor, resize_image
from lexseg.scans.images import read_image
from lexseg.training.augment import AugmentParameters
from lexseg.training.prepare import in_one_convention
from lexseg.training.row_meaning import meaning

SIDE = 224
QUALITY = 82
KINDS = ("caption", "one", "several", "none", "foreign")
WORDINGS = 8
COLUMNS = ("text", *(f"text_{i}" for i in range(2, WORDINGS + 1)))


@dataclass
class Pack:
    """What is collected. Attributes: texts, masks: numbers by what they are; the others by image or by question."""

    texts: dict[str, int] = field(default_factory=lambda: {"": 0})
    masks: dict[bytes, int] = field(default_factory=dict)
    images: list[bytes] = field(default_factory=list)
    source: list[int] = field(default_factory=list)
    rows: list[tuple] = field(default_factory=list)
    wordings: list[list[int]] = field(default_factory=list)
    meanings: list[tuple[int, int]] = field(default_factory=list)

    def text(self, sentence: str) -> int:
        return self.texts.setdefault(sentence, len(self.texts))

    def mask(self, mask: np.ndarray) -> int:
        """At ``SIDE``; a target smaller than a pixel is still there."""
        share = F.interpolate(
            torch.from_numpy(np.ascontiguousarray(mask)).float()[None, None], (SIDE, SIDE), mode="area"
        )
        small = share >= 0.5
        if mask.any() and not small.any():
            small = share >= share.max()
        return self.masks.setdefault(np.packbits(small.numpy().reshape(-1)).tobytes(), len(self.masks))

    def ask(self, path: Path, cases: list[Case], source: int) -> None:
        """Add an image and all that is asked about it."""
        image = image_tensor(read_image(path))
        pixels = (resize_image(image, (SIDE, SIDE)) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        number, buffer = len(self.images), io.BytesIO()
        Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, "WEBP", quality=QUALITY)
        self.images.append(buffer.getvalue())
        self.source.append(source)
        instances: dict = {}
        for case in cases:
            truth = truth_of(case, instances, tuple(image.shape[-2:]))
            words = [self.text(text.strip()) for text in dict.fromkeys(case.texts) if text.strip()][:WORDINGS]
            if not words:
                continue
            others = -1 if truth.others is None else self.mask(truth.others)
            present = np.nan if truth.present is None else float(truth.present)
            kind = KINDS.index(case.expression_kind or "caption")
            self.rows.append((number, kind, self.mask(truth.mask), others, present, truth.located, case.weight))
            self.wordings.append(words + [-1] * (WORDINGS - len(words)))
            turned = AugmentParameters(mirror=True)
            self.meanings.append((meaning_id(meaning(case, AugmentParameters())), meaning_id(meaning(case, turned))))


def forms(pack: Pack) -> dict[str, np.ndarray]:
    """Of each sentence: misspelt and in other words, mirrored, both, and with its places swapped; -1: there is none."""
    rng, base = np.random.default_rng(0), list(pack.texts)

    def other(text: str) -> tuple[int, int]:
        said = paraphrase(text, rng)
        return pack.text(misspell(text, rng)), -1 if said == text else pack.text(said)

    altered = np.full((len(base), 2), -1, np.int32)
    mirrored = np.zeros(len(base), np.int32)
    both = np.full((len(base), 2), -1, np.int32)
    for number, text in enumerate(base[1:], start=1):
        altered[number] = other(text)
    for number, text in enumerate(base[1:], start=1):
        turned = mirror_words(text, "horizontal")
        mirrored[number] = pack.text(turned)
        both[number] = altered[number] if turned == text else other(turned)
    pairs = {}
    for text in [*base[1:], *(mirror_words(text, "horizontal") for text in base[1:])]:
        pairs[pack.texts[text]] = [pack.text(s) if (s := swap_places(text, axis)) else -1 for axis in AXES]
    swapped = np.full((len(pack.texts), len(AXES)), -1, np.int32)
    for number, numbers in pairs.items():
        swapped[number] = numbers
    return {"alt": altered, "mir": mirrored, "malt": both, "swapped": swapped}


def make(
    manifests: list[Path], folder: Path, most: int | None = None, encoder_name: str = "efficientnet-lite0"
) -> None:
    """Pack the training cases of manifests. Args: most: images of each, for a trial."""
    folder.mkdir(parents=True, exist_ok=True)
    pack = Pack()
    for source, path in enumerate(manifests):
        by_image: dict[Path, list[Case]] = defaultdict(list)
        with path.open(encoding="utf-8") as file:
            names = file.readline().rstrip("\n").split(",")
        columns = tuple(name for name in COLUMNS if name in names)
        for case in in_one_convention(read_manifest(path, text_columns=columns), "image"):
            if case.split == "train":
                by_image[case.image].append(case)
        for image, cases in list(by_image.items())[:most]:
            pack.ask(image, cases, source)
    table = forms(pack)
    encoder = create_text_encoder({"kind": "minilm"})
    ids = [encoder.token_ids(text) if text else [] for text in pack.texts]
    used = sorted({token for row in ids for token in row} | {encoder.pad_id})
    number = {token: i for i, token in enumerate(used)}
    fields = ("image", "kind", "mask", "others", "present", "located", "weight")
    kinds = (np.int32, np.uint8, np.int32, np.int32, np.float32, np.bool_, np.float32)
    rows = zip(*pack.rows, strict=True)
    table |= {name: np.array(column, kind) for name, kind, column in zip(fields, kinds, rows, strict=True)}
    np.savez_compressed(
        folder / "table.npz",
        words=np.array(pack.wordings, np.int32),
        meaning=np.array(pack.meanings, np.int64),
        flat=np.array([number[token] for row in ids for token in row], np.uint16),
        lens=np.array([len(row) for row in ids], np.uint8),
        source=np.array(pack.source, np.uint8),
        bytes=np.array([len(image) for image in pack.images], np.int32),
        **table,
    )
    (folder / "masks.z").write_bytes(zlib.compress(b"".join(pack.masks), 6))
    (folder / "images.bin").write_bytes(b"".join(pack.images))
    weights = dict(encoder.model.state_dict())
    embedding = next(name for name in weights if name.endswith("word_embeddings.weight"))
    weights[embedding] = weights[embedding][torch.tensor(used)]
    save_file(halved(weights), folder / "minilm.safetensors")
    config = json.loads(encoder.model.config.to_json_string(use_diff=False))
    config |= {"vocab_size": len(used), "pad_token_id": number[encoder.pad_id]}
    (folder / "minilm.json").write_text(json.dumps(config))
    save_file(halved(create_image_encoder(encoder_name).state_dict()), folder / "encoder.safetensors")
    print(f"{len(pack.images)} images, {len(pack.rows)} questions, {len(ids)} sentences in {folder}")


def halved(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """In half precision, what is a fraction."""
    return {k: (v.half() if v.is_floating_point() else v).contiguous() for k, v in weights.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("manifests", type=lambda text: [Path(part) for part in text.split(",")])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--encoder", default="efficientnet-lite0", help="whose ImageNet weights go along")
    parser.add_argument("--most", type=int, help="images of each manifest, for a trial")
    args = parser.parse_args()
    make(args.manifests, args.folder, args.most, args.encoder)
