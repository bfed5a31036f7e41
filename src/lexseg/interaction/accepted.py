"""An accepted mask as a case for training."""

from pathlib import Path

from lexseg.cases.case import Case
from lexseg.cases.manifest import manifest_columns, read_manifest, write_manifest
from lexseg.errors import ConfigError, DataError
from lexseg.files import free_name, link_or_copy, write_files
from lexseg.interaction.session import CorrectionSession
from lexseg.outputs.overlay import mask_png


def add_to_manifest(session: CorrectionSession, image: Path, manifest: Path) -> Case:
    """Add a mask that the user has accepted to a manifest, with its image and its sentence.

    The mask is written to ``masks/``, and an image that lies elsewhere is linked or copied to ``images/``, both beside
    the manifest. Older rows stay as they are. The sentence is written, and may tell of a patient.

    Args:
        session: whose mask was accepted.
        image: the image's file.
        manifest: a CSV or JSON Lines file; made where there is none.

    Returns:
        the new case.

    Raises:
        ConfigError: if the mask was not accepted.
        DataError: if the manifest cannot be read, or there is no folder for it.
    """
    if not session.accepted:
        raise ConfigError("the mask was not accepted; say 'accept' when it is right")
    if not manifest.resolve().parent.is_dir():
        raise DataError(f"{manifest}: there is no folder {manifest.parent}; make it first")
    texts = _text_columns(manifest)
    rows = read_manifest(manifest, text_columns=texts) if manifest.exists() else []
    folder, state = manifest.resolve().parent, session.state
    name = Path(
        free_name(image.stem, ".png", {f"{row.id}.png".lower() for row in rows} | _names(folder / "masks"))
    ).stem
    inside = image.resolve()
    if not inside.is_relative_to(folder):
        (folder / "images").mkdir(exist_ok=True)
        inside = folder / "images" / free_name(name, image.suffix, _names(folder / "images"))
        link_or_copy(image.resolve(), inside)
    mask = folder / "masks" / f"{name}.png"
    write_files({mask: mask_png(state.mask)})
    answer = state.answer
    case = Case(
        id=name,
        image=inside,
        texts=(state.sentence or "",),
        mask=mask,
        laterality=answer.laterality,
        spacing=answer.spacing,
        extra={"corrections": str(session.at), "corrected_from": answer.model.name},
    )
    write_manifest(manifest, [*rows, case], text_columns=texts)
    return case


def _text_columns(manifest: Path) -> tuple[str, ...]:
    """The columns of sentences: ``text``, and ``text_2`` and so on where the manifest has them."""
    if not manifest.exists():
        return ("text",)
    columns = manifest_columns(manifest)
    return ("text", *(f"text_{n}" for n in range(2, 100) if f"text_{n}" in columns))


def _names(folder: Path) -> set[str]:
    return {path.name.lower() for path in folder.iterdir()} if folder.is_dir() else set()
