"""How well a model tells what it has learnt from what it has not, on words and images that nothing was fitted to.

``python tests/scope_score.py MODEL DATA`` prints the tables of docs/explanation/scope.md: the model must have a scope
(`lexseg scope`), DATA are the development sets. The words are those of ``inscope_kept_apart.json``,
``foreign_kept_apart.json`` and ``wordings_kept_apart.json``.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from lexseg import Segmenter
from lexseg.language.typos import misspell
from lexseg.models.config import find_model, verdict
from lexseg.models.io import LoadedModel, load_model
from lexseg.models.place import to_input
from lexseg.models.scope import ImageScope
from lexseg.predict.images import load_image
from lexseg.predict.options import Options
from lexseg.predict.words import Sides, hear
from lexseg.seeds import case_generator

HERE = Path(__file__).parent
NEAR = ({"chest", "chest-ct"},)  # worlds that share findings
SOURCES = {
    "qata_covid19": "chest",
    "healthy_cxr": "chest",
    "nih_cxr": "chest",
    "breast_us_birads": "breast",
    "busi_subset": "breast",
    "polyp_kvasir": "colon",
    "covid_ct": "chest-ct",
    "brain_mri_lgg": "brain",
    "skin_ph2": "skin",
}
MOST_IMAGES = 100
CHEST_FILMS = "PAXRay"
"""Those of MedScribble, projected from CT: of its other eleven tasks a model has learnt nothing."""


def kept_apart(name: str) -> dict[str, Any]:
    """One of the three files."""
    loaded: dict[str, Any] = json.loads((HERE / f"{name}_kept_apart.json").read_text(encoding="utf-8"))
    return loaded


# --- words ------------------------------------------------------------------------------


class Words:
    """Asks whether sentences are in scope beside an image of a world."""

    def __init__(self, segmenter: Segmenter) -> None:
        assert segmenter.scope is not None
        self.segmenter, self.scope = segmenter, segmenter.scope

    def reasons(self, texts: Sequence[str], world: str) -> list[str | None]:
        """Why each is not in scope."""
        image = ImageScope(True, world, 0.0)
        said = hear(self.segmenter, [(text, Options(), Sides()) for text in texts])
        return [verdict(image, heard.known) if heard.known is not None else None for heard in said]

    def refused(self, texts: Sequence[str], world: str) -> float:
        """The share of them that are not."""
        return float(np.mean([reason is not None for reason in self.reasons(texts, world)]))


def typed(texts: Sequence[str]) -> list[str]:
    """Each with a mistake."""
    return [misspell(text, case_generator(0, 0, text)) for text in texts]


def framed(names: Iterable[str]) -> list[str]:
    """Each name alone, and in a question."""
    forms: tuple[Callable[[str], str], ...] = (str, "Is there any {} on the left?".format, "segment the {}".format)
    return [form(name) for name in names for form in forms]


def repository_wordings() -> list[str]:
    """The chest film's wordings that the repository has kept apart all along; contradictions are answered before."""
    file = kept_apart("wordings")
    texts = [text for group in ("one_lung", "healthy_lung", "zones", "captions") for text in file[group]]
    texts += [entry["text"] for entry in file["negation"]]
    return [text if isinstance(text, str) else text["text"] for text in texts]


def print_words(words: Words) -> None:
    known, foreign = kept_apart("inscope"), kept_apart("foreign")
    names = [name for name in words.scope.names if name in known]
    titles = ("asked in", "true, refused", "misspelt", "everyday, accepted", "nonsense", "other organ", "never learnt")
    print("| " + " | ".join((*titles, "other world")) + " |")
    print("|---|---|---|---|---|---|---|---|")
    for world in names:
        others = [v for v in names if v != world and {v, world} not in NEAR]
        cells = [words.refused(known[world], world), words.refused(typed(known[world]), world)]
        for texts in (foreign["everyday"], foreign["other_organ"], foreign["never_learnt"][world]):
            cells.append(1 - words.refused(framed(texts), world))
        cells.insert(3, 1 - words.refused(foreign["nonsense"], world))
        cells.append(1 - words.refused([t for v in others for t in known[v]], world) if others else np.nan)
        print(f"| {world} | " + " | ".join(f"{cell:.1%}" for cell in cells) + " |")
    if "chest" in names:
        misspelt = [text for entry in kept_apart("wordings")["misspelt"] for text in (entry["left"], entry["right"])]
        print(f"\nwordings_kept_apart, chest: {words.refused(repository_wordings(), 'chest'):.1%} refused, ", end="")
        print(f"misspelt {words.refused(misspelt, 'chest'):.1%}")


# --- images -----------------------------------------------------------------------------


class Images:
    """Judges images."""

    def __init__(self, loaded: LoadedModel) -> None:
        assert loaded.scope is not None
        self.loaded, self.scope = loaded, loaded.scope

    def judged(self, images: Sequence[Any]) -> list[ImageScope]:
        """Each of them."""
        found = []
        for image in images:
            inputs = torch.from_numpy(to_input(load_image(image), self.loaded.config.size))[None]
            found += self.scope.image(self.loaded.model.encode_image(inputs))
        return found


def of_source(data: Path, name: str) -> list[Path]:
    """Distinct images of a set that no model was trained on, evenly chosen."""
    with (data / name / "cases.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] in ("val", "test")]
    paths = list(dict.fromkeys(data / name / row["image"] for row in rows))
    return paths[:: max(1, len(paths) // MOST_IMAGES)]


def drawn() -> dict[str, list[NDArray[np.uint8]]]:
    """Images of nothing, in gray and in colour."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:224, :224] / 223
    smooth = [ndimage.gaussian_filter(rng.random((224, 224)), s) for s in (1, 3, 8, 20)]
    disc = np.hypot(x - 0.5, y - 0.5) < 0.3
    kinds = {
        "blank": [np.full((224, 224), v) for v in (0.0, 0.2, 0.5, 0.8, 1.0)],
        "noise": [rng.random((224, 224)), rng.random((224, 224, 3)), *((s - s.min()) / np.ptp(s) for s in smooth)],
        "gradients": [x, y, (x + y) / 2, np.hypot(x - 0.5, y - 0.5), np.stack([x, y, 1 - x], -1)],
        "shapes": [disc * 1.0, 1.0 * (np.sin(40 * x) > 0), 1.0 * (np.sin(30 * x) * np.sin(30 * y) > 0)],
    }
    return {kind: [(255 * np.clip(each, 0, 1)).astype(np.uint8) for each in made] for kind, made in kinds.items()}


def photographs() -> list[Path]:
    """Colour photographs and charts that installed packages bring along."""
    import matplotlib

    found = sorted((Path(matplotlib.__file__).parent / "mpl-data" / "sample_data").glob("*.[jp][pn]g"))
    site = Path(matplotlib.__file__).parents[1]
    found += sorted((site / "sklearn" / "datasets" / "images").glob("*.jpg"))
    return [path for path in found if min(Image.open(path).size) > 64]


def volumes(data: Path) -> list[NDArray[np.uint8]]:
    """Slices of volumes of the abdomen, in CT and MR."""
    import nibabel

    slices = []
    for path in sorted((data / "io_samples" / "nifti").glob("*.nii.gz")):
        if path.name.endswith(("seg.nii.gz", "lesion.nii.gz")):
            continue
        volume = np.asarray(nibabel.load(path).dataobj, dtype=np.float32)  # type: ignore[attr-defined]
        low, high = np.percentile(volume, (1, 99))
        for z in np.linspace(0.25, 0.75, 3) * (volume.shape[2] - 1):
            scaled = np.clip((volume[..., int(z)] - low) / max(high - low, 1e-6), 0, 1)
            slices.append((255 * np.rot90(scaled)).astype(np.uint8))
    return slices


def print_images(images: Images, data: Path) -> None:
    print("\n| images | n | refused | taken for another world |")
    print("|---|---|---|---|")
    scribbled = sorted((data / "med_scribble" / "images").iterdir())
    films = [path for path in scribbled if path.name.startswith(CHEST_FILMS)]
    for name, world in [*SOURCES.items(), (CHEST_FILMS, "chest")]:
        if world in images.scope.names:
            judged = images.judged(films if name == CHEST_FILMS else of_source(data, name))
            wrong = float(np.mean([each.known and each.world != world for each in judged]))
            print(f"| {name} | {len(judged)} | {np.mean([not each.known for each in judged]):.1%} | {wrong:.1%} |")
    foreign: dict[str, Sequence[Any]] = {
        "med_scribble": [path for path in scribbled if path not in films],
        "CT and MR volumes": volumes(data),
        "photographs, charts": photographs(),
        **drawn(),
    }
    foreign |= {name: of_source(data, name)[:50] for name, world in SOURCES.items() if world not in images.scope.names}
    print("\n| foreign images | n | accepted | as |")
    print("|---|---|---|---|")
    for name, given in foreign.items():
        judged = images.judged(given)
        taken = sorted({str(each.world) for each in judged if each.known})
        print(f"| {name} | {len(judged)} | {np.mean([each.known for each in judged]):.1%} | {', '.join(taken)} |")


if __name__ == "__main__":
    model = load_model(find_model(sys.argv[1]))
    print_words(Words(Segmenter.from_pretrained(find_model(sys.argv[1]))))
    print_images(Images(model), Path(sys.argv[2]))
