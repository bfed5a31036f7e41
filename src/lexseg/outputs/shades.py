"""How an image was shown, as a presentation state says it: scale of values, window, and what is white."""

from collections.abc import Sequence

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from lexseg.errors import DataError
from lexseg.outputs.derived import source_of
from lexseg.scans.dicom.pixels import rescale_of
from lexseg.scans.dicom.windows import SigmoidWindow, StatedWindow, TableWindow
from lexseg.scans.scan import Scan
from lexseg.scans.window import Window


def set_shades(state: Dataset, scan: Scan, frames: Sequence[int], window: Window | None) -> None:
    """Have a presentation state show gray images as they were shown to the model.

    All three steps are written, as those of a presentation state stand in place of the image's own, absent or not
    (PS3.4, N.2).

    Args:
        state: is added to.
        scan: the images, from DICOM.
        frames: the numbers of those that are referred to, from 0.
        window: as they were shown; ``None`` is the first of ``scan.windows``.

    Raises:
        DataError: if the frames have different scales of values.
    """
    first = source_of(scan).dataset(frames[0])
    slope, intercept = scale_of(scan, frames)
    if first.get("ModalityLUTSequence"):
        state.ModalityLUTSequence = first.ModalityLUTSequence
    else:
        state.RescaleSlope, state.RescaleIntercept = f"{slope:.10g}", f"{intercept:.10g}"
        state.RescaleType = str(first.get("RescaleType") or "US")  # US: unspecified
    state.SoftcopyVOILUTSequence = [_window(window or scan.windows[0])]
    state.PresentationLUTShape = "INVERSE" if scan.inverted else "IDENTITY"


def scale_of(scan: Scan, frames: Sequence[int]) -> tuple[float, float]:
    """The one slope and intercept of some frames.

    Args:
        scan: the images, from DICOM.
        frames: their numbers, from 0.

    Raises:
        DataError: if there are several, or look-up tables of several files.
    """
    source = source_of(scan)
    places = [source.places[n] for n in frames]
    scales = {rescale_of(source.headers[file], number) for file, number in places}
    files = {file for file, _ in places}
    if len(scales) > 1 or (len(files) > 1 and any("ModalityLUTSequence" in source.datasets[file] for file in files)):
        raise DataError(
            f"{scan.name}: the slices have different scales of values (RescaleSlope, RescaleIntercept), and a GSPS has "
            "one for all; write a capture instead"
        )
    return scales.pop()


def _window(window: Window) -> Dataset:
    item = Dataset()
    if isinstance(window, TableWindow):
        first, entries = round(window.low), np.rint(window.table * 65535).astype("<u2")
        lut = Dataset()
        descriptor = [len(entries) % (1 << 16), first, 16]  # 0 stands for 65,536
        lut.add(DataElement("LUTDescriptor", "SS" if first < 0 else "US", descriptor))
        lut.add(DataElement("LUTData", "OW", entries.tobytes()))
        item.VOILUTSequence = [lut]
        return item
    item.WindowCenter, item.WindowWidth = f"{window.level:.10g}", f"{window.width:.10g}"
    if isinstance(window, SigmoidWindow):
        item.VOILUTFunction = "SIGMOID"
    elif not isinstance(window, StatedWindow):
        item.VOILUTFunction = "LINEAR_EXACT"
    return item
