"""Train the bundled model's network on a GPU machine, from what ``tests/gpu_pack.py`` packed.

``python tests/gpu_train.py PACK OUT --arguments FILE --seconds 555``: PyTorch, NumPy, safetensors, transformers, Pillow
and the folder ``src`` are all it needs; images, masks and the states of all sentences lie in the GPU's memory, and all
is drawn and augmented there, a batch ahead of the step, which is a CUDA graph (:mod:`gpu_graph`).
"""

import argparse
import copy
import io
import json
import math
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

import gpu_graph
from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.target import Target
from lexseg.models import create_model
from lexseg.training.augment import SEEN, AugmentConfig
from lexseg.training.config import OptimizerConfig
from lexseg.training.optimizer import parameter_groups
from lexseg.training.teacher.batches import Batches

SIDE = 224
CONFIG = AugmentConfig(zoom=(0.9, 1.25), scanner=0.5, drop_text=0.05, typos=0.05, paraphrase=0.05)
SHARES = (0.13, 0.33, 0.14, 0.07, 0.05, 0.04, 0.03, 0.09, 0.03, 0.07, 0.02)
KINDS = (0.33, 0.24, 0.13, 0.25, 0.05)
FOLLOWED = 10  # steps between two updates of the running average
_K = torch.arange(8.0)
DCT = torch.cos((2 * _K[None] + 1) * _K[:, None] * math.pi / 16) * torch.where(_K == 0, math.sqrt(1 / 8), 0.5)[:, None]
# ITU-T T.81, table K.1
QUANTA = torch.tensor(
    [[16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56],
     [14, 17, 22, 29, 51, 87, 80, 62], [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
     [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99]], dtype=torch.float32,
)  # fmt: skip


class Drawn:
    """Draws batches from a pack. Attributes: images: uint8[I, 3, S, S]; tokens: float16[N, D]; all on the device."""

    def __init__(
        self,
        folder: Path,
        device: torch.device,
        shares: tuple[float, ...],
        kinds: tuple[float, ...],
        seed: int,
        words: int = 0,
    ) -> None:
        """Args: words: tokens of each sentence in a batch, longer ones are cut; 0: as many as the longest has."""
        self.device, self.chance, self.length = device, torch.Generator(device).manual_seed(seed), words
        self.dct, self.quanta = DCT.to(device), QUANTA.to(device)
        self.ends = torch.tensor([0.005, 0.995], device=device)
        table = dict(np.load(folder / "table.npz"))
        self.images = decoded(folder / "images.bin", table["bytes"]).to(device)
        self.tokens, self.starts = states(folder, table, device)
        bits = np.frombuffer(zlib.decompress((folder / "masks.z").read_bytes()), np.uint8).reshape(-1, SIDE * SIDE // 8)
        self.bits = torch.from_numpy(bits.copy()).to(device)
        kept = {name: value for name, value in table.items() if name not in ("flat", "lens", "bytes")}
        self.t = {name: torch.from_numpy(value).to(device) for name, value in kept.items()}
        source = torch.from_numpy(table["source"].astype(np.int64))
        of_source = torch.bincount(source, minlength=len(shares)).clamp(min=1)
        self.times = (torch.tensor(shares) / of_source)[source].to(device)
        # the rows of each image and kind lie side by side
        key = table["image"].astype(np.int64) * len(KINDS) + table["kind"]
        count = np.bincount(key, minlength=len(self.images) * len(KINDS))
        self.order = torch.from_numpy(np.argsort(key, kind="stable")).to(device)
        self.count = torch.from_numpy(count).view(-1, len(KINDS)).to(device)
        self.first = torch.from_numpy(count.cumsum() - count).view(-1, len(KINDS)).to(device)
        self.rates = torch.tensor(kinds, device=device)

    def rand(self, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=self.chance, device=self.device)

    def between(self, low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * self.rand(*shape)

    def masks(self, number: Tensor) -> Tensor:
        """float[n, 1, S, S]."""
        places = torch.arange(7, -1, -1, device=self.device, dtype=torch.uint8)
        return (self.bits[number.long()][..., None] >> places & 1).reshape(len(number), 1, SIDE, SIDE).float()

    def sentences(self, number: Tensor, *, swapped: bool = True) -> TextBatch:
        """A batch of sentences by their numbers; below 1 is the null sentence."""
        number = number.clamp(min=0)
        length = self.starts[number + 1] - self.starts[number]
        place = torch.arange(self.length or max(1, int(length.max())), device=self.device)
        mask = place < length[:, None]
        found = (self.starts[number][:, None] + place).clamp(max=len(self.tokens) - 1)
        words = self.tokens[found].float() * mask[..., None]
        own = -1 - torch.arange(len(number), device=self.device)
        pairs = [self.sentences(self.t["swapped"][number, a].long(), swapped=False) for a in (0, 1) if swapped]
        return TextBatch(mask, own, number == 0, states=words, swapped=tuple(pairs))

    @torch.no_grad()
    def draw(self, n: int, each: int, size: int) -> tuple[Tensor, TextBatch, Target]:
        """``n`` images of ``size``, and ``each`` questions about each, of kinds by their rates."""
        t, own = self.t, torch.arange(n, device=self.device).repeat_interleave(each)
        image = torch.multinomial(self.times, n, replacement=True, generator=self.chance)
        have = self.count[image]
        kind = torch.multinomial(self.rates * (have > 0), each, replacement=True, generator=self.chance)
        start = (self.rand(n, len(KINDS)) * 1e6).long().gather(1, kind) + torch.arange(each, device=self.device)
        row = self.order[self.first[image].gather(1, kind) + start % have.gather(1, kind)].flatten()
        mirror = self.rand(n) < 0.5
        theta, zoomed = self.placed(n, mirror)
        pixels = self.images[image].float() / 255
        pixels = F.interpolate(pixels, (size, size), mode="bilinear", antialias=True, align_corners=False)
        grid = F.affine_grid(theta, [n, 1, size, size], align_corners=False)
        pixels = self.scanned(F.grid_sample(pixels, grid, padding_mode="zeros", align_corners=False))
        pixels = Batches._intensities(_Asked(self), pixels)
        number = self.worded(row, mirror[own])
        text = self.sentences(number)
        meaning = torch.where(mirror[own], t["meaning"][row, 1], t["meaning"][row, 0])
        text = replace(text, caption_id=torch.where(text.is_null, text.caption_id, meaning))
        valid = (grid.abs() <= 1).all(-1)[:, None]
        return pixels, text, self.target(row, number, theta[own], zoomed[own], valid[own], image[own])

    def placed(self, n: int, mirror: Tensor) -> tuple[Tensor, Tensor]:
        """Where images are read from, float[n, 2, 3], and how many times as large a piece of each is shown."""
        c = CONFIG
        zoom = self.between(math.log(c.zoom[0]), math.log(c.zoom[1]), n).exp()
        aspect = (self.between(-c.stretch, c.stretch, n) / 2).exp()
        angle = self.between(-c.rotate, c.rotate, n) * math.pi / 180
        sx, sy = (1 - 2 * mirror.float()) * aspect / zoom, 1 / (aspect * zoom)
        dx, dy = self.between(-c.shift, c.shift, n) * 2, self.between(-c.shift, c.shift, n) * 2
        rows = [(sx * angle.cos(), -sx * angle.sin(), dx * sx), (sy * angle.sin(), sy * angle.cos(), dy * sy)]
        return torch.stack([torch.stack(row, 1) for row in rows], 1), zoom * zoom

    def worded(self, row: Tensor, mirrored: Tensor) -> Tensor:
        """Numbers of the sentences that the rows are asked in: wording, mirror, misspelling and dropping drawn."""
        t, n = self.t, len(row)
        several = (t["words"][row] >= 0).sum(1)
        word = t["words"][row, (self.rand(n) * several).long().clamp(max=t["words"].shape[1] - 1)].long()
        number = torch.where(mirrored, t["mir"][word].long(), word)
        other = torch.where(mirrored[:, None], t["malt"][word], t["alt"][word]).long()
        chance = self.rand(n)
        number = torch.where((chance < CONFIG.typos) & (other[:, 0] > 0), other[:, 0], number)
        number = torch.where((chance > 1 - CONFIG.paraphrase) & (other[:, 1] > 0), other[:, 1], number)
        return number.masked_fill(self.rand(n) < CONFIG.drop_text, 0)

    def target(
        self, row: Tensor, number: Tensor, theta: Tensor, zoomed: Tensor, valid: Tensor, image: Tensor
    ) -> Target:
        """What is true of the rows, moved as their images are; masks by the share of a pixel that they cover."""
        t, n, size = self.t, len(row), valid.shape[-1]
        others = t["others"][row]
        hard, rest = self.masks(t["mask"][row]), self.masks(others.clamp(min=0)) * (others >= 0).view(n, 1, 1, 1)
        whole = ((number == 0) & (others >= 0)).view(n, 1, 1, 1)  # a dropped sentence means all that is there
        hard, rest = torch.where(whole, (hard + rest).clamp(max=1), hard), rest * ~whole
        fine = F.affine_grid(theta, [n, 1, 2 * size, 2 * size], align_corners=False)
        moved = F.avg_pool2d(F.grid_sample(torch.cat([hard, rest], 1), fine, align_corners=False), 2)
        present = torch.where(whole.flatten(), hard.flatten(1).amax(1), t["present"][row])
        located = t["located"][row]
        lost = moved[:, 0].mean((1, 2)) <= SEEN * zoomed * hard.mean((1, 2, 3))
        present = present.masked_fill(located & (present == 1) & lost, float("nan"))
        mask = torch.where(whole.flatten(), len(self.bits), t["mask"][row].long())
        region = image * (len(self.bits) + 1) + mask
        known = valid & located.view(n, 1, 1, 1)
        return Target(moved[:, :1], known, moved[:, 1:], t["weight"][row], present, region=region)

    def scanned(self, x: Tensor) -> Tensor:
        """As another scanner would have it: `lexseg.training.scanner`, a batch at a time on the device."""
        n, h, w = len(x), *x.shape[-2:]
        on = self.rand(n) < CONFIG.scanner

        def some(share: float) -> Tensor:
            return (on & (self.rand(n) < share)).view(n, 1, 1, 1)

        x = torch.where(some(0.7), self.curved(x), x)
        soft = blurred(x, float(torch.empty(()).uniform_(0.5, 2.5)) * w / 224)
        x = torch.where(some(0.5), x + self.between(-0.9, 1.5, n, 1, 1, 1) * (x - soft), x)
        share = float(torch.empty(()).uniform_(0.4, 0.9))
        small = F.interpolate(x, (max(8, round(h * share)), max(8, round(w * share))), mode="bilinear", antialias=True)
        x = torch.where(some(0.3), F.interpolate(small, (h, w), mode="bilinear", align_corners=False), x)
        x = torch.where(some(0.3), self.framed(x), x).clamp(0, 1)
        return torch.where(some(0.4), compressed(x, self.between(40, 95, n), self.dct, self.quanta), x)

    def curved(self, x: Tensor, knots: int = 6) -> Tensor:
        """By a monotone curve of grey values each."""
        n = len(x)
        ends = torch.quantile(x.flatten(1)[:, ::7], self.ends, dim=1)
        low, high = ends[0], torch.maximum(ends[1], ends[0] + 1e-3)
        steps = torch._standard_gamma(torch.full((n, knots), 6.0, device=x.device))
        floor, ceiling = self.between(0, 0.15, n, 1), self.between(0.8, 1, n, 1)
        rise = torch.cat([steps.new_zeros(n, 1), (steps / steps.sum(1, keepdim=True)).cumsum(1)], 1)
        values = floor + (ceiling - floor) * rise
        place = ((x - low.view(n, 1, 1, 1)) / (high - low).view(n, 1, 1, 1)).clamp(0, 1) * knots
        left = place.floor().clamp(max=knots - 1).long()
        one, two = (values.gather(1, (left + i).flatten(1)).view_as(x) for i in (0, 1))
        return one + (two - one) * (place - left)

    def framed(self, x: Tensor) -> Tensor:
        """With dark or bright edges, and at times a marker near a corner."""
        n, h, w = len(x), *x.shape[-2:]
        y, z = torch.arange(h, device=x.device).view(1, h, 1) / h, torch.arange(w, device=x.device).view(1, 1, w) / w
        top, bottom, left, right = (self.between(0, 0.06, n, 4) * (self.rand(n, 4) < 0.6)).view(n, 4, 1, 1).unbind(1)
        inside = (y >= top) & (y < 1 - bottom) & (z >= left) & (z < 1 - right)
        x = torch.where(inside[:, None], x, (self.rand(n) < 0.25).float().view(n, 1, 1, 1))
        high, wide = self.between(0.03, 0.07, n, 1, 1), self.between(0.03, 0.09, n, 1, 1)
        down, across = self.between(0.01, 0.1, n, 1, 1), self.between(0.02, 0.15, n, 1, 1)
        across = torch.where(self.rand(n, 1, 1) < 0.5, across, 1 - wide - across)
        mark = (y >= down) & (y < down + high) & (z >= across) & (z < across + wide) & (self.rand(n, 1, 1) < 0.4)
        return torch.where(mark[:, None], self.between(0.7, 1, n, 1, 1, 1), x)


class _Asked:
    """What `Batches._intensities` asks of a `Batches`."""

    def __init__(self, drawn: Drawn) -> None:
        self.config, self.chance, self.device = CONFIG, drawn.chance, drawn.device
        self._rand, self._between = drawn.rand, drawn.between


def blurred(x: Tensor, sigma: float) -> Tensor:
    """float[n, c, h, w], by a Gaussian."""
    reach, c = max(1, int(3 * sigma + 0.5)), x.shape[1]
    k = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=x.device) / sigma) ** 2)
    k = (k / k.sum()).expand(c, 1, 1, -1)
    x = F.conv2d(F.pad(x, (reach, reach, 0, 0), mode="reflect"), k, groups=c)
    return F.conv2d(F.pad(x, (0, 0, reach, reach), mode="reflect"), k.transpose(2, 3), groups=c)


def compressed(x: Tensor, quality: Tensor, dct: Tensor = DCT, table: Tensor = QUANTA) -> Tensor:
    """As JPEG would leave each channel, float[n, c, h, w] with sides divisible by 8; quality: float[n], 1..100."""
    n, c, h, w = x.shape
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    quanta = (table * scale.view(n, 1, 1, 1, 1, 1)).clamp(min=1)
    blocks = (x * 255 - 128).reshape(n, c, h // 8, 8, w // 8, 8).transpose(3, 4)
    kept = (dct @ blocks @ dct.T / quanta).round() * quanta
    return (((dct.T @ kept @ dct).transpose(3, 4).reshape(n, c, h, w) + 128) / 255).clamp(0, 1)


def decoded(path: Path, sizes: np.ndarray) -> Tensor:
    """uint8[I, 3, S, S]."""
    content, ends = path.read_bytes(), sizes.astype(np.int64).cumsum()
    out = np.zeros((len(sizes), 3, SIDE, SIDE), np.uint8)

    def one(i: int) -> None:
        with Image.open(io.BytesIO(content[ends[i] - sizes[i] : ends[i]])) as image:
            out[i] = np.asarray(image.convert("RGB")).transpose(2, 0, 1)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, range(len(sizes)), chunksize=64))
    return torch.from_numpy(out)


@torch.no_grad()
def states(folder: Path, table: dict[str, np.ndarray], device: torch.device) -> tuple[Tensor, Tensor]:
    """MiniLM's last states of all sentences, one after the other, and where each begins; equal lengths go together."""
    from transformers import BertConfig, BertModel

    config = BertConfig.from_dict(json.loads((folder / "minilm.json").read_text()))
    model = BertModel(config, add_pooling_layer=False)
    model.load_state_dict(load_file(folder / "minilm.safetensors"), strict=False)
    model = model.float().to(device).eval()
    length = torch.from_numpy(table["lens"].astype(np.int64)).to(device)
    starts = torch.cat([length.new_zeros(1), length.cumsum(0)])
    flat = torch.from_numpy(table["flat"].astype(np.int64)).to(device)
    at_once = 131_072 if device.type == "cuda" else 2048  # tokens
    out = torch.empty(len(flat), config.hidden_size, dtype=torch.float16, device=device)
    for n in length.unique().tolist():
        for some in torch.nonzero(length == n).flatten().split(max(1, at_once // max(n, 1))):
            if n:
                place = starts[some][:, None] + torch.arange(n, device=device)
                said = model(input_ids=flat[place], attention_mask=torch.ones_like(place)).last_hidden_state
                out[place.flatten()] = said.flatten(0, 1).half()
    return out, starts


def train(drawn: Drawn, model: nn.Module, args: argparse.Namespace) -> nn.Module:
    """Until the time is over, or so many steps are done; the running average of the weights is what is kept."""
    on_gpu, kind, last = drawn.device.type == "cuda", drawn.device.type, torch.channels_last
    model.train().to(memory_format=last)
    average = copy.deepcopy(model).eval().requires_grad_(False)
    config = OptimizerConfig(lr=args.lr, encoder_lr=args.encoder_lr, weight_decay=args.decay)
    groups = parameter_groups(model, config)
    peaks = [group["lr"] for group in groups]
    for group in groups if on_gpu else ():
        group["lr"] = torch.tensor(group["lr"], device=drawn.device)
    adam = torch.optim.AdamW(groups, fused=True, capturable=on_gpu)

    def step(batch: gpu_graph.Batch) -> Tensor:
        image, text, target = batch
        with torch.autocast(kind, dtype=torch.bfloat16):
            losses = model.training_losses(image, text, target)
        loss = torch.stack([value.float() for value in losses.values()]).sum()
        adam.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        return loss.detach()

    def draw(size: int) -> gpu_graph.Batch:
        image, text, target = drawn.draw(args.images, 3, size)
        return image.contiguous(memory_format=last), text, target

    def rate(done: float) -> float:
        return min(done / 0.03, 0.5 * (1 + math.cos(math.pi * max(0.0, done - 0.03) / 0.97)))

    beside = torch.cuda.Stream() if on_gpu else None
    began = spoken = time.monotonic()
    steps, done, last_size, run, ahead, losses = 0, 0.0, 0, step, None, []
    while done < 1:
        for group, peak in zip(adam.param_groups, peaks, strict=True):
            if on_gpu:
                group["lr"].fill_(peak * rate(done))
            else:
                group["lr"] = peak * rate(done)
        size = next(size for size, until in args.sizes if done < until)
        if size != last_size:
            ahead, last_size = draw(size), size
            if on_gpu and args.graph:
                torch.cuda.synchronize()
                run, ahead = gpu_graph.Graph(step, ahead, lambda: adam.zero_grad(set_to_none=True)), draw(size)
                torch.cuda.synchronize()
        losses.append(run(ahead).clone())
        if beside is None:
            ahead = draw(size)
        else:
            with torch.cuda.stream(beside):
                ahead = draw(size)
            torch.cuda.current_stream().wait_stream(beside)
        steps += 1
        if steps % FOLLOWED == 0:
            follow(average, model, min(args.ema, steps / (100 + steps)) ** FOLLOWED)
            float(losses[-1])  # waits for the device
        now = time.monotonic()
        done = max((now - began) / args.seconds, steps / args.steps if args.steps else 0)
        if now - spoken > 10 or done >= 1:
            said, speed = float(torch.stack(losses).mean()), steps * args.images / (now - began)
            print(f"{now - began:.0f} s, step {steps}, {size} px, {speed:.0f} images/s: {said:.4f}", flush=True)
            spoken, losses = now, []
            if not math.isfinite(said):
                raise SystemExit("the loss is no number")
    return average


@torch.no_grad()
def follow(average: nn.Module, model: nn.Module, decay: float) -> None:
    pairs = list(zip(average.state_dict().values(), model.state_dict().values(), strict=True))
    torch._foreach_lerp_(*map(list, zip(*[p for p in pairs if p[0].is_floating_point()], strict=True)), 1 - decay)
    for kept, new in pairs:
        if not kept.is_floating_point():
            kept.copy_(new)


def sizes(text: str) -> list[tuple[int, float]]:
    """SIZE:UNTIL with commas between them: up to which share of the time which side."""
    pairs = [part.split(":") for part in text.split(",")]
    return [(int(size), float(until)) for size, until in pairs]


def numbers(text: str) -> tuple[float, ...]:
    """Numbers with commas between them."""
    return tuple(float(part) for part in text.split(","))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("pack", type=Path)
    add("out", type=Path)
    add("--arguments", type=Path, required=True, help="a model's config.json: what its network is built with")
    add("--init", type=Path, help="weights to go on from (default: ImageNet's, and a new decoder)")
    add("--seconds", type=float, default=555)
    add("--steps", type=int, default=0)
    add("--images", type=int, default=64)
    add("--lr", type=float, default=1.2e-3)
    add("--decay", type=float, default=0.05, help="of weights")
    add("--sizes", type=sizes, default="128:0.25,160:0.55,192:1", help="side:until which share of the time, ...")
    add("--words", type=int, default=48, help="tokens of a sentence; longer ones are cut")
    add("--no-graph", dest="graph", action="store_false", help="start every kernel by itself")
    add("--encoder-lr", type=float, default=0.3, help="of the image encoder, as a share of --lr")
    add("--ema", type=float, default=0.9995, help="decay of the running average of the weights")
    add(
        "--shares", type=numbers, default=SHARES, metavar="S,S,...", help="of the manifests of the pack, in their order"
    )
    add("--kinds", type=numbers, default=KINDS, metavar="S,S,...", help="of captions, one, several, none, foreign")
    add("--device", default="cuda")
    add("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    device = torch.device(args.device)
    torch.manual_seed(args.seed)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    config = json.loads(args.arguments.read_text())
    torch.backends.cudnn.benchmark = True
    unread = dict(config["arguments"].get("encoder_args") or {}) | {"pretrained": False}
    model = create_model(config["method"], **config["arguments"] | {"encoder_args": unread})
    part, begin = (model, args.init) if args.init else (model.encoder, args.pack / "encoder.safetensors")
    part.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in load_file(begin).items()})
    drawn = Drawn(args.pack, device, args.shares, args.kinds, args.seed, args.words)
    kept = train(drawn, model.to(device), args)
    args.out.mkdir(parents=True, exist_ok=True)
    save_file({k: v.cpu().contiguous() for k, v in kept.state_dict().items()}, args.out / "model.safetensors")


if __name__ == "__main__":
    main()
