"""LexSeg segments medical images with the words of a report: an image and a sentence in, a mask out.

>>> from lexseg import Segmenter
>>> segmentation = Segmenter.from_pretrained("default").segment("film.png", "lower left lung opacity")
"""

from typing import TYPE_CHECKING, Any

from lexseg._moved import keep_old_names
from lexseg._version import __version__

if TYPE_CHECKING:
    from lexseg.predict.segmenter import Segmenter
    from lexseg.training.manifest_dataset import ManifestDataset

__all__ = ["ManifestDataset", "Segmenter", "__version__"]

keep_old_names()


def __getattr__(name: str) -> Any:
    # torch is imported when it is first needed: `lexseg --help` answers at once
    if name == "Segmenter":
        from lexseg.predict.segmenter import Segmenter

        return Segmenter
    if name == "ManifestDataset":
        from lexseg.training.manifest_dataset import ManifestDataset

        return ManifestDataset
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
