"""Small files of every format, and ways to damage them."""

import gzip
import io
import zipfile

import nibabel as nib
import numpy as np

from real_dicom import FILES

DICOM = (
    "CT_small.dcm",
    "MR_small_RLE.dcm",
    "MR_small_implicit.dcm",
    "MR_small_bigendian.dcm",
    "JPEG2000.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_rle_2frame.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "examples_palette.dcm",
    "image_dfl.dcm",
)
UNPACKED_APART = ("MR_small_jpeg_ls_lossless.dcm", "SC_rgb_jpeg_gdcm.dcm")
"""Read by decoders that damaged files hold up for seconds."""

_NASTY = (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\0\0\0\x80", b"\xff\xff", b"\0\0", b"\x01\0")


def seeds(names=DICOM):
    """{name: bytes} of real DICOM files, and of a volume as NIfTI, NRRD and zip."""
    found = {name: (FILES / name).read_bytes() for name in names}
    volume = np.random.default_rng(0).integers(-1000, 1000, (16, 12, 9)).astype(np.int16)
    found["volume.nii"] = nib.Nifti1Image(volume, np.diag([-2.0, -2, 3, 1])).to_bytes()
    found["volume.nii.gz"] = gzip.compress(found["volume.nii"], 1)
    found["volume.nrrd"] = (
        b"NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 16 12 9\nendian: little\n"
        b"space directions: (2,0,0) (0,2,0) (0,0,3)\nspace origin: (0,0,0)\nencoding: gzip\n\n"
    ) + gzip.compress(volume.tobytes(), 1)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a", found["CT_small.dcm"])
        file.writestr("b", found["MR_small_RLE.dcm"])
    found["study.zip"] = zipped.getvalue()
    return found


def mutated(data, rng):
    """A few bytes changed, taken away or put in, mostly in the header; at least one is left.

    Args:
        data: a file.
        rng: a ``random.Random``.
    """
    data = bytearray(data)
    reach = rng.choice([400, 2000, len(data)])
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        at, kind = rng.randrange(max(min(reach, len(data)), 1)), rng.random()
        if kind < 0.4:
            data[at : at + 1] = bytes([rng.randrange(256)])
        elif kind < 0.7:
            nasty = rng.choice(_NASTY)
            data[at : at + len(nasty)] = nasty
        elif kind < 0.8:
            del data[at : at + rng.randrange(1, 50)]
        elif kind < 0.9:
            data[at:at] = rng.randbytes(rng.randrange(1, 20))
        else:
            del data[max(at, 1) :]
    return bytes(data) or b"\0"
