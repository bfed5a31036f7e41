"""Weights that are a pickle in disguise are refused, and nothing of them is run."""

import os
import pickle
import zipfile

import pytest
import torch

from lexseg.encoders.image.weights import read_weights
from lexseg.errors import ModelError


class Harm:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_real_weights(tmp_path):
    torch.save({"a": torch.arange(3)}, tmp_path / "a.pth")
    assert read_weights(tmp_path / "a.pth")["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("kind", ["torch", "plain", "zip"])
def test_a_pickle_is_not_run(tmp_path, kind):
    path, made = tmp_path / "evil.pth", tmp_path / "owned"
    if kind == "torch":
        torch.save({"weights": torch.zeros(2), "evil": Harm(made)}, path)
    elif kind == "plain":
        path.write_bytes(pickle.dumps(Harm(made)))
    else:
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("archive/data.pkl", pickle.dumps({"a": Harm(made)}))
            file.writestr("archive/version", "3\n")
    with pytest.raises(ModelError, match=r"holds more than weights .*nothing in it was run"):
        read_weights(path)
    assert not made.exists()


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"PK\x03\x04" + bytes(60)])
def test_what_is_no_file_of_weights(tmp_path, content):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(ModelError, match=r"a\.pth: damaged"):
        read_weights(tmp_path / "a.pth")


def test_a_tensor_alone(tmp_path):
    torch.save(torch.zeros(2), tmp_path / "a.pth")
    with pytest.raises(ModelError, match="no weights by name, but Tensor"):
        read_weights(tmp_path / "a.pth")
