"""Handing a model on. No network: a client that notes what it is asked for stands in for the hub's."""

from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from lexseg.errors import ModelError
from lexseg.models.config import find_model
from lexseg.models.hub import push_to_hub


class Client:
    calls: list[tuple[str, dict[str, Any]]]

    def __init__(self, token: str | None = None) -> None:
        Client.calls = [("token", {"token": token})]

    def create_repo(self, repo_id: str, **options: Any) -> None:
        Client.calls.append(("create", {"repo_id": repo_id, **options}))

    def upload_folder(self, **options: Any) -> str:
        Client.calls.append(("upload", options))
        if options["repo_id"] == "user/full":
            raise OSError("no room")
        return "https://example.org/commit"


@pytest.fixture(autouse=True)
def client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "HfApi", Client)


def test_four_files_go_up_and_privately() -> None:
    assert push_to_hub("default", "user/model") == "https://example.org/commit"
    (_, create), (_, upload) = Client.calls[1:]
    assert create == {"repo_id": "user/model", "private": True, "exist_ok": True}
    assert Path(upload["folder_path"]) == find_model("default")
    assert sorted(upload["allow_patterns"]) == ["README.md", "config.json", "metrics.json", "model.safetensors"]


def test_a_damaged_model_is_not_handed_on(tmp_path: Path) -> None:
    for name in ("config.json", "README.md", "metrics.json"):
        (tmp_path / name).write_bytes((find_model("default") / name).read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    Client.calls = []
    with pytest.raises(ModelError, match="damaged"):
        push_to_hub(tmp_path, "user/model")
    assert Client.calls == []


def test_what_the_hub_refuses_is_told() -> None:
    with pytest.raises(ModelError, match="user/full: the hub did not take default: no room"):
        push_to_hub("default", "user/full")
