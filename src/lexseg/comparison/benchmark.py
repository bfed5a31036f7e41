"""What methods cost: parameters, multiply-adds, training speed, memory, and latency beside a well-known yardstick.

Each method is measured in a process of its own, so that its peak memory is its own. Seconds differ from machine to
machine and from minute to minute; the latency is therefore given over a ConvNeXt-Tiny forward, timed in turn with it.
"""

import itertools
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lexseg.comparison.macs import count_macs
from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.base import TextEncoder
from lexseg.encoders.text.batch import no_words
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.errors import ConfigError, LexSegError
from lexseg.losses.target import Target
from lexseg.models import create_model
from lexseg.models.catalogue import catalogue
from lexseg.models.place import to_input
from lexseg.outputs.demo import examples
from lexseg.predict.segmenter import Segmenter
from lexseg.predict.torch_engine import TorchEngine
from lexseg.scans.images import read_image
from lexseg.training.config import OptimizerConfig, TrainConfig
from lexseg.training.optimizer import build_optimizer
from lexseg.training.prepare import model_arguments
from lexseg.training.recipe import read_recipe

YARDSTICK = "ConvNeXt-Tiny forward (transformers, batch 1, 224x224, random weights)"
INPUT = 224  # side of the image that is segmented, whatever size the model then stretches it to


@dataclass(frozen=True, slots=True)
class Cost:
    """What one method costs.

    Attributes:
        name: of the recipe or bundled model.
        kind: ``recipe`` (random weights) or ``model``.
        reads_words: whether a sentence changes what it finds.
        size: (height, width) of the network's input.
        parameters: of the network, a text encoder that is trained along included.
        frozen_text_parameters: of a text encoder that stands outside.
        gmacs: billions of multiply-adds of one image and one sentence of 20 words, the text encoder included.
        train_images_per_second: whole steps (losses, gradients, AdamW) at the network's size, batch of 4, float32.
        peak_memory_mb: the largest resident set of a process that only segments.
        train_peak_memory_mb: the same after the training steps.
        relative_latency: one whole ``segment`` call (file reading excluded, one 224-px image, a sentence not seen
            before) over the yardstick: the median of pairs timed in turn.
        latency_ms: that call's median, on this machine in this minute.
        note: what stands in for weights that are not at hand.
    """

    name: str
    kind: str
    reads_words: bool
    size: tuple[int, int]
    parameters: int
    frozen_text_parameters: int
    gmacs: float
    train_images_per_second: float
    peak_memory_mb: float
    train_peak_memory_mb: float
    relative_latency: float
    latency_ms: float
    note: str = ""


def benchmark(
    names: Sequence[str] = (), *, threads: int = 2, repeats: int = 15, done: Callable[[str], None] = lambda name: None
) -> dict[str, Any]:
    """Measure recipes and bundled models.

    Args:
        names: which; all that ``lexseg models`` lists if empty.
        threads: of each process.
        repeats: pairs of segment call and yardstick.
        done: told the name of each method that has been measured.

    Returns:
        ``{"yardstick", "threads", "methods": [Cost, ...], "failed": {name: why}, "versions"}``, plain JSON values.

    Raises:
        ConfigError: for a name that is neither a recipe nor a bundled model.
    """
    listed = catalogue()
    known = {m["name"]: "model" for m in listed["models"]}
    # a recipe and the model trained by it may share a name: the model is the one that people run
    known = {r["name"]: "recipe" for r in listed["recipes"]} | known
    if unknown := sorted(set(names) - set(known)):
        raise ConfigError(f"nothing is called {', '.join(unknown)}; choose among {', '.join(sorted(known))}")
    methods, failed = [], {}
    for name in names or sorted(known):
        try:
            methods.append(asdict(measure_apart(name, known[name], threads=threads, repeats=repeats)))
        except LexSegError as error:
            failed[name] = str(error)
        done(name)
    packages = ("lexseg", "torch", "transformers")
    versions = {p: version(p) for p in packages} | {"python": sys.version.split()[0]}
    return {"yardstick": YARDSTICK, "threads": threads, "methods": methods, "failed": failed, "versions": versions}


def measure_apart(name: str, kind: str, *, threads: int = 2, repeats: int = 15) -> Cost:
    """Measure one method in a process of its own.

    Args:
        name: of a recipe or bundled model, or a model folder.
        kind: ``recipe`` or ``model``.
        threads: of the process.
        repeats: pairs of segment call and yardstick.

    Raises:
        LexSegError: as the method's own errors; also if the process was ended from outside.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(measure, name, kind, threads, repeats).result()
        except BrokenProcessPool as error:
            raise LexSegError("the process that measured it was ended, perhaps for want of memory") from error


def picture(segmenter: Segmenter) -> NDArray[np.float32]:
    """The bundled image that the model knows best, float32[INPUT, INPUT].

    What it hardly knows it looks at several times (:meth:`lexseg.predict.network.Network.look_at`).
    """
    paths = dict.fromkeys(case.image for case in examples())
    images = [to_input(read_image(path), (INPUT, INPUT))[0] for path in paths]

    def distance(image: NDArray[np.float32]) -> float:
        known = segmenter.set_image(image).known
        return 0.0 if known is None else known.distance

    return min(images, key=distance)


def measure(name: str, kind: str, threads: int, repeats: int) -> Cost:
    """Measure one method in this process."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    segmenter, note = load(name, kind)
    engine = segmenter.engine
    assert isinstance(engine, TorchEngine)
    model, encoder = engine.model, engine.text_encoder
    pipeline = None if encoder is None else TextPipeline(encoder)
    image, sentences = picture(segmenter), new_sentences()

    def segment() -> None:
        # an image-only model warns when it is given words; all is looked for, whatever the scope says
        segmenter.segment(image, next(sentences) if segmenter.uses_text else None, anyway=True)

    # memory first, before the yardstick and the training steps take theirs
    segment()
    peak = _peak_megabytes()
    ratio, latency = _latency(segment, repeats)
    macs = count_macs(segment, model)
    speed = _training_speed(segmenter, pipeline)
    outside = 0 if encoder is None or encoder.trainable else sum(p.numel() for p in encoder.parameters())
    return Cost(
        name=name,
        kind=kind,
        reads_words=segmenter.uses_text,
        size=segmenter.size,
        parameters=sum(p.numel() for p in model.parameters()),
        frozen_text_parameters=outside,
        gmacs=macs / 1e9,
        train_images_per_second=speed,
        peak_memory_mb=peak,
        train_peak_memory_mb=_peak_megabytes(),
        relative_latency=ratio,
        latency_ms=1000 * latency,
        note=note,
    )


def load(name: str, kind: str) -> tuple[Segmenter, str]:
    """A bundled model, or a recipe's network with random weights, run by torch; and what stands in for its weights."""
    if kind == "model":
        return Segmenter.from_pretrained(name, device="cpu", engine="torch"), ""
    config = read_recipe(name)
    text, note = _text_at_hand(config)
    arguments = model_arguments(config, text)
    arguments["encoder_args"] = dict(arguments.get("encoder_args") or {}) | {"pretrained": False}
    if "text_encoder" in arguments:
        arguments["text_encoder"] = dict(arguments["text_encoder"]) | {"pretrained": False}
    model = create_model(config.method, **arguments)
    own = model.text_input.encoder if model.text_input is not None else None
    side = config.data.size
    return Segmenter(model, own or text, size=(side, side), name=name, device="cpu"), note


def _text_at_hand(config: TrainConfig) -> tuple[TextEncoder, str]:
    """The recipe's text encoder; for one on a hub a BERT-base of random weights, which costs the same."""
    if config.text.get("kind") != "huggingface":
        return create_text_encoder(config.text), ""
    from lexseg.encoders.text.reader import minilm_folder

    stand_in = {
        "kind": "huggingface",
        "name": "bert-base-stand-in",
        "trainable": bool(config.text.get("trainable", False)),
        "architecture": {"model_type": "bert"},
        "tokenizer": json.loads((minilm_folder() / "tokenizer.json").read_text(encoding="utf-8")),
    }
    return create_text_encoder(stand_in, pretrained=False), "BERT-base of random weights in place of the hub's"


def yardstick() -> Callable[[], None]:
    """What latencies are told in: :data:`YARDSTICK`."""
    from transformers import ConvNextConfig, ConvNextModel

    network = ConvNextModel(ConvNextConfig()).eval()
    pixels = torch.rand(1, 3, INPUT, INPUT)

    def forward() -> None:
        with torch.inference_mode():
            network(pixels)

    return forward


def _latency(segment: Callable[[], None], repeats: int) -> tuple[float, float]:
    """Median of the ratios of pairs, and the median call in seconds."""
    forward = yardstick()
    for warm in (segment, forward, segment, forward):
        warm()
    calls, ratios = [], []
    for _ in range(repeats):
        one, other = seconds(segment), seconds(forward)
        calls.append(one)
        ratios.append(one / other)
    return statistics.median(ratios), statistics.median(calls)


def _training_speed(segmenter: Segmenter, pipeline: TextPipeline | None, *, batch: int = 4, steps: int = 3) -> float:
    model = segmenter.model.train()
    height, width = segmenter.size
    image = torch.rand(batch, 3, height, width).contiguous(memory_format=torch.channels_last)
    target = Target((torch.rand(batch, 1, height, width) > 0.8).float())
    words = [text for text, _ in zip(new_sentences(), range(batch), strict=False)]
    text = model.training_text(pipeline or no_words)(words)
    optimizer, _ = build_optimizer(model, OptimizerConfig(), steps)

    def step() -> None:
        optimizer.zero_grad()
        torch.stack(list(model.training_losses(image, text, target).values())).sum().backward()
        optimizer.step()

    step()
    return batch / min(seconds(step) for _ in range(steps))


def new_sentences() -> Iterator[str]:
    """Sentences of one length, no two alike: nothing can be remembered from an earlier call."""
    sides, zones = ("left", "right"), ("upper", "middle", "lower", "all")
    parts = [f"{zone} {side} lung" for side, zone in itertools.product(sides, zones)]
    for number in itertools.count(1):
        one, other = parts[number % 8], parts[(number // 8) % 8]
        yield f"bilateral pulmonary infection, {number} infected areas, {one} and {other}."


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _peak_megabytes() -> float:
    try:
        import resource
    except ImportError:  # not on Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
