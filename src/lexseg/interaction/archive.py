"""An accepted mask as a zip file that holds a manifest for training: for whoever cannot write to a folder."""

import io
import zipfile

from lexseg.interaction.accepted import add_to_manifest
from lexseg.interaction.session import CorrectionSession
from lexseg.private import private_folder

MANIFEST = "cases.csv"


def case_archive(session: CorrectionSession, picture: bytes, name: str) -> bytes:
    """A zip of ``cases.csv``, ``images/`` and ``masks/`` with the accepted mask as the one case.

    The sentence is in it, and may tell of a patient.

    Args:
        session: whose mask was accepted.
        picture: the image as it was shown, as the bytes of a PNG.
        name: of the case; it must not tell of a patient.

    Raises:
        ConfigError: if the mask was not accepted.
    """
    with private_folder("case") as scratch:
        folder = scratch / "set"
        (folder / "images").mkdir(parents=True)
        image = folder / "images" / f"{name}.png"
        image.write_bytes(picture)
        add_to_manifest(session, image, folder / MANIFEST)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    # without the time: the same bytes again
                    entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())
                    entry.external_attr = 0o644 << 16
                    archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()
