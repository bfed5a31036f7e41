"""Files of answers carry the identity of their image: no two images' files have one name."""

import hashlib
import re

import pytest

from serving import EXAMPLES, FILM

pytest.importorskip("uvicorn")
BREAST = EXAMPLES / "breast_case012.png"


def sha8(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]


def names_of(server, path, sentence):
    """The names under which everything that can be had of an image is saved."""
    image = server.open(path)
    (result,) = server.ask(image, sentence)
    links = [link for link in result["links"].values() if link] + [
        f"/v1/images/{image['id']}/frames/0",
        f"/v1/images/{image['id']}/frames/0/values",
    ]
    answers = [server.get(link) for link in links]
    assert all(answer.status == 200 for answer in answers)
    return {re.search(r'filename="([^"]+)"', answer.headers["content-disposition"])[1] for answer in answers}


def test_every_file_is_called_by_the_hash_of_its_image(server):
    film = names_of(server, FILM, "infection in the right lung")
    breast = names_of(server, BREAST, "hypoechoic mass")
    assert len(film) == 6 and all(f"_{sha8(FILM)}_" in name for name in film)
    assert f"lexseg_{sha8(FILM)}_1_mask.nii.gz" in film
    assert len(breast) == 6 and not film & breast


def test_every_route_that_gives_a_file_names_it(server):
    """So that a route that is added does, too: all that is no JSON of ours has a name."""
    paths = server.get("/openapi.json").json["paths"]
    gets = [path for path, methods in paths.items() if "get" in methods]
    files = [path for path in gets if ("." in path.rpartition("/")[2] and path.startswith("/v1")) or "/frames/" in path]
    assert len(files) == 7, "name what the new route gives (lexseg.server.names), and list it above"


def test_the_answer_says_which_image_it_is_of(server):
    image = server.open(BREAST)
    assert image["sha256"] == hashlib.sha256(BREAST.read_bytes()).hexdigest()
    (result,) = server.ask(image, "hypoechoic mass")
    assert result["image_sha256"] == server.get(result["links"]["json"]).json["image_sha256"] == image["sha256"]


def test_names_of_files_tell_frames_and_sentences_apart(server, tmp_path):
    import nibabel as nib
    import numpy as np

    path = tmp_path / "Zaphod.nii.gz"
    nib.save(nib.Nifti1Image(np.random.default_rng(0).normal(size=(32, 32, 3)).astype("f4"), np.eye(4)), path)
    image = server.open(path)
    names = set()
    for frame in (0, 2):
        for result in server.ask(image, "infection in the right lung", "infection in the left lung", frame=frame):
            names.add(server.get(result["links"]["mask"]).headers["content-disposition"])
    assert len(names) == 4 and all(sha8(path) in name and "Zaphod" not in name for name in names)
