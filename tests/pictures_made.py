"""Pictures and DICOM files of every kind that the page reads, made of a real film."""

from pathlib import Path

import numpy as np
from PIL import Image

from dicom_made import CT, DX, basic, packed

FILM = Path(__import__("lexseg").__file__).parent / "assets" / "examples" / "images" / "cxr_00003426.png"


PACKED = {
    "implicit": "ImplicitVRLittleEndian",
    "other-end": "ExplicitVRBigEndian",
    "rle": "RLELossless",
    "lossless": "JPEGLosslessProcess14_1",
    "ls": "JPEGLSLossless",
    "j2k": "JPEG2000Lossless",
    "baseline": "JPEGBaselineProcess1",
}


def film(size=(90, 70)):
    """A real film, small: uint8[H, W]."""
    return np.asarray(Image.open(FILM).convert("L").resize((size[1], size[0])))


def pictures(folder):
    """PNG and JPEG files by name."""
    gray = film()
    colour = np.stack([gray, gray // 2, 255 - gray], axis=2)
    ramp = np.linspace(0, 255, gray.shape[1]).astype(np.uint8)
    alpha = np.broadcast_to(ramp, gray.shape)
    made = {
        "gray.png": Image.fromarray(gray),
        "deep.png": Image.fromarray(gray.astype(np.uint16) * 13 + 7),
        "bits.png": Image.fromarray(gray > 100),
        "colour.png": Image.fromarray(colour),
        "clear.png": Image.fromarray(np.dstack([colour, alpha])),
        "clear-gray.png": Image.merge("LA", [Image.fromarray(gray), Image.fromarray(np.ascontiguousarray(alpha))]),
        "palette.png": Image.fromarray(colour).quantize(32),
        "gray-palette.png": Image.fromarray(gray).quantize(16),
    }
    for name, picture in made.items():
        picture.save(folder / name)
    Image.fromarray(gray).save(folder / "gray.jpg", quality=90)
    Image.fromarray(colour).save(folder / "colour.jpg", quality=90, subsampling=0)
    return sorted(path for path in folder.iterdir() if path.suffix in (".png", ".jpg"))


def dicom_files(folder):
    """DICOM files by name: written plainly in each way, and packed in each way."""
    gray = film()
    deep = gray.astype(np.uint16) * 13 + 7
    _save(folder / "plain.dcm", basic(DX, "DX", gray), PatientOrientation=["L", "F"], ImagerPixelSpacing=["0.7", "0.6"])
    _save(
        folder / "white.dcm", basic(DX, "DX", deep), PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11
    )
    hounsfield = basic(CT, "CT", (gray.astype(np.int16) - 128) * 8)
    _save(
        folder / "signed.dcm", hounsfield, RescaleSlope="1.5", RescaleIntercept="-20", PixelSpacing=["0.8", "0.7"],
        ImageOrientationPatient=["1", "0", "0", "0", "1", "0"], ImagePositionPatient=["0", "0", "0"],
        PixelPaddingValue=int(hounsfield.pixel_array.min()),
    )  # fmt: skip
    _save(folder / "window.dcm", basic(DX, "DX", deep), WindowCenter=["1500", "900"], WindowWidth=["2000", "400"])
    _save(folder / "soft.dcm", basic(DX, "DX", deep), WindowCenter="1500", WindowWidth="900", VOILUTFunction="SIGMOID")
    _save(folder / "colour.dcm", basic(DX, "US", np.stack([gray, gray // 2, 255 - gray], axis=2)))
    for name, syntax in PACKED.items():
        for plain in ("plain", "signed", "white"):
            if plain == "plain" or name != "baseline":
                packed(folder / f"{plain}.dcm", syntax, folder / f"{plain}-{name}.dcm")
    return sorted(folder.glob("*.dcm"))


def _save(path, file, **values):
    for name, value in values.items():
        setattr(file, name, value)
    file.save_as(path, enforce_file_format=True)
