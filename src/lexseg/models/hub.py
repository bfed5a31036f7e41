"""Handing a model on through the Hugging Face hub."""

from pathlib import Path

from lexseg.errors import ModelError
from lexseg.models.config import find_model
from lexseg.models.io import CARD, CONFIG, METRICS, WEIGHTS, load_model


def push_to_hub(model: str | Path, repo_id: str, *, private: bool = True, token: str | None = None) -> str:
    """Upload a model folder; ``Segmenter.from_pretrained(repo_id)`` then finds it.

    The folder is loaded first, so that a damaged model is not handed on. Only its four files go up: read the card
    before, since a model of patients' data may be nobody's to publish.

    Args:
        model: a bundled name, a folder or a run's folder.
        repo_id: ``user/name``.
        private: whether only you can see it; the default, to be on the safe side.
        token: of your account; ``None`` takes the one you have logged in with.

    Returns:
        the address of the upload.

    Raises:
        ModelError: if the model cannot be read, or the hub refuses it.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    folder = find_model(model)
    load_model(folder)
    api = HfApi(token=token)
    try:
        api.create_repo(repo_id, private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repo_id, folder_path=folder, allow_patterns=[CONFIG, WEIGHTS, CARD, METRICS],
            commit_message="Upload a LexSeg model",
        )  # fmt: skip
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise ModelError(f"{repo_id}: the hub did not take {folder.name}: {error}") from error
    return str(commit)
