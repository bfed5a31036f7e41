"""Real files of every format that are read, to be damaged: {kind/name: bytes}.

Kinds: dicom, packed (compressed DICOM), nifti, nrrd, picture, zip. What comes with pydicom and with the package is
always there; the samples of the development data where LEXSEG_DATA names them.
"""

import gzip
import io
import os
import tempfile
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pydicom.data
from PIL import Image

FILES = Path(pydicom.data.__file__).parent / "test_files"
LARGEST = 600_000  # bytes of a seed
_PLAIN = (
    "CT_small", "MR_small", "MR_small_implicit", "MR_small_bigendian", "MR_small_padded", "SC_rgb_small_odd",
    "SC_ybr_full_422_uncompressed", "ExplVR_BigEnd", "no_meta", "rtdose", "rtstruct", "test-SR", "liver_1frame",
    "nested_priv_SQ", "examples_palette",
)  # fmt: skip
_PACKED = (
    "MR_small_RLE", "SC_rgb_rle_2frame", "SC_rgb_rle_16bit_2frame", "JPEG2000", "MR_small_jp2klossless", "693_J2KI",
    "MR_small_jpeg_ls_lossless", "JPEGLSNearLossless_16", "SC_rgb_jls_lossy_sample", "JPEG-lossy", "JPGExtended",
    "SC_rgb_jpeg_dcmtk", "SC_rgb_jpeg_gdcm", "SC_rgb_dcmtk_+eb+cy+s4", "image_dfl", "GDCMJ2K_TextGBR",
)  # fmt: skip
_BY_GDCM = ("JPEGBaselineProcess1", "JPEGLosslessProcess14_1", "JPEGLSLossless", "JPEG2000Lossless", "RLELossless")


def seed_files() -> dict[str, bytes]:
    """All of them, sorted by name."""
    found = {f"dicom/{name}": (FILES / f"{name}.dcm").read_bytes() for name in _PLAIN}
    found |= {f"packed/{name}": (FILES / f"{name}.dcm").read_bytes() for name in _PACKED}
    found["dicom/multi-frame"] = _frames()
    found |= _volumes() | _pictures() | _zips(found)
    if root := os.environ.get("LEXSEG_DATA"):
        samples = Path(root) / "io_samples"
        found |= _samples(samples)
        found |= _packed_films(samples / "dicom" / "highdicom")
    return dict(sorted(found.items()))


def _samples(root: Path) -> dict[str, bytes]:
    found, named = {}, {".dcm": "dicom", ".nrrd": "nrrd", ".gz": "nifti"}
    for path in sorted(root.rglob("*")):
        kind = named.get(path.suffix)
        # one slice of a long series stands for all
        if (
            kind
            and path.stat().st_size <= LARGEST
            and not (path.parent.name == "torchio_series" and "01." not in path.name)
        ):
            found[f"{kind}/{path.parent.name}-{path.stem}"] = path.read_bytes()
    series = sorted((root / "dicom" / "torchio_series").glob("*0[1-4].dcm"))
    if series:
        found["zip/series"] = _zip({path.name: path.read_bytes() for path in series})
    return found


def _packed_films(folder: Path) -> dict[str, bytes]:
    """A CT slice and a film, packed by GDCM in the usual ways."""
    try:
        import gdcm
    except ImportError:
        return {}
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("ct_image", "dx_image"):
            for syntax in _BY_GDCM:
                reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
                reader.SetFileName(str(folder / f"{name}.dcm"))
                if not reader.Read():
                    continue
                change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
                change.SetInput(reader.GetImage())
                if not change.Change():  # a film of 8 bits can be a baseline JPEG, a CT cannot
                    continue
                writer.SetFile(reader.GetFile())
                writer.SetImage(change.GetOutput())
                writer.SetFileName(f"{scratch}/file.dcm")
                if writer.Write():
                    found[f"packed/{name}-{syntax}"] = Path(scratch, "file.dcm").read_bytes()
    return found


def _frames() -> bytes:
    """An ultrasound cine of 12 frames, made of a real slice."""
    dataset = pydicom.dcmread(FILES / "MR_small.dcm")
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.3.1"
    dataset.Modality, dataset.NumberOfFrames = "US", 12
    dataset.PixelData = dataset.PixelData * 12
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue()


def _volumes() -> dict[str, bytes]:
    """A small CT, cut from a real slice, as NIfTI and NRRD of every kind."""
    slice_ = pydicom.dcmread(FILES / "CT_small.dcm").pixel_array[32:96, 32:96].astype(np.int16) - 1024
    values = np.stack([np.roll(slice_, k, 0) for k in range(6)], axis=-1)
    affine = np.array([[-0.7, 0.1, 0, 40], [-0.1, -0.7, 0, 30], [0, 0, 2.5, -12], [0, 0, 0, 1]])
    one, two = nib.Nifti1Image(values, affine).to_bytes(), nib.Nifti2Image(values, affine).to_bytes()
    four = nib.Nifti1Image(np.stack([values, -values], axis=-1), affine).to_bytes()
    head = (
        b"NRRD0005\n# made of a real slice\ntype: short\ndimension: 3\nspace: left-posterior-superior\n"
        b"sizes: 64 64 6\nspace directions: (0.7,0.1,0) (-0.1,0.7,0) (0,0,2.5)\nkinds: domain domain domain\n"
        b"endian: little\nencoding: %b\nspace origin: (-40,-30,-12)\n\n"
    )
    raw = values.tobytes(order="F")
    text = b" ".join(b"%d" % value for value in values.ravel(order="F"))
    return {
        "nifti/1": one,
        "nifti/2": two,
        "nifti/4d": four,
        "nifti/1.gz": gzip.compress(one, 1, mtime=0),
        "nifti/2.gz": gzip.compress(two, 1, mtime=0),
        "nrrd/raw": head % b"raw" + raw,
        "nrrd/gzip": head % b"gzip" + gzip.compress(raw, 1, mtime=0),
        "nrrd/text": head % b"text" + text,
    }


def _pictures() -> dict[str, bytes]:
    root = Path(__import__("lexseg").__file__).parent / "assets" / "examples" / "images"
    film = Image.open(root / "cxr_00027426_000.png").convert("L").resize((160, 160))
    color = Image.merge("RGB", [film, film.rotate(90), film.rotate(180)])
    deep = Image.fromarray(np.asarray(film).astype(np.uint16) * 257)
    found = {"picture/breast.png": (root / "breast_case129.png").read_bytes()}
    for name, picture, kind, options in (
        ("film.png", film, "PNG", {}),
        ("deep.png", deep, "PNG", {}),
        ("palette.png", color.quantize(40), "PNG", {}),
        ("film.jpg", film, "JPEG", {}),
        ("color.jpg", color, "JPEG", {"progressive": True}),
        ("film.tif", film, "TIFF", {}),
        ("deep.tif", deep, "TIFF", {"compression": "tiff_deflate"}),
        ("lzw.tif", color, "TIFF", {"compression": "tiff_lzw"}),
        ("jpeg.tif", color, "TIFF", {"compression": "jpeg"}),
        ("film.bmp", film, "BMP", {}),
    ):
        file = io.BytesIO()
        picture.save(file, kind, **options)
        found[f"picture/{name}"] = file.getvalue()
    return found


def _zips(found: dict[str, bytes]) -> dict[str, bytes]:
    ct, mr, packed = (found[name] for name in ("dicom/CT_small", "dicom/MR_small", "packed/MR_small_RLE"))
    return {
        "zip/one": _zip({"DICOM/IM0001": ct, "README": b"read me"}),
        "zip/two": _zip({"a": mr, "b": packed}),
        "zip/stored": _zip({"a": mr}, zipfile.ZIP_STORED),
    }


def _zip(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as file:
        for name, data in files.items():
            file.writestr(zipfile.ZipInfo(name), data, method)
    return packed.getvalue()
