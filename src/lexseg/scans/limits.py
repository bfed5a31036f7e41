"""How much of a file is read at most: a small one may be made to fill the memory."""

MAX_PIXELS = 200_000_000
"""Of the largest image that is opened: past it a small file may be made to fill the memory (a decompression bomb)."""

MAX_VOXELS = 2_000_000_000
"""Of the largest volume that is opened."""

MAX_FILES = 20_000
"""Of a folder or zip: more are no study."""

MAX_UNPACKED = 4_000_000_000
"""Bytes that the DICOM files of a zip unpack to."""

MAX_RATIO = 200
"""Unpacked bytes for one packed byte, past `FREE_BYTES`; images pack five- or tenfold, bombs a thousandfold."""

FREE_BYTES = 100_000_000
"""Bytes that may be unpacked whatever the ratio: an empty mask packs well, and does no harm."""

MAX_INFLATED = 1_000_000_000
"""Bytes that a deflated DICOM file unpacks to; it is held in memory."""

MAX_FRAMES = 100_000
"""Of one file or series."""
