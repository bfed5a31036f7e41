"""Jobs that are asked for twice, and images that are left: what a client needs whose answers were lost."""

import gzip

import nibabel as nib
import numpy as np
import pytest

from serving import until

pytest.importorskip("uvicorn")
KEY = "made-by-chance"


@pytest.fixture
def image(server):
    values = np.random.default_rng(0).integers(0, 100, (64, 64, 6), np.int16)
    return server.open(gzip.compress(nib.Nifti1Image(values, np.eye(4)).to_bytes()))


def test_a_question_under_the_same_key_is_one_job(server, image):
    ask = f"/v1/images/{image['id']}/segment"
    first = server.post(ask, sentences=["mass"], frames=[0, 5], key=KEY)
    again = server.post(ask, sentences=["mass"], frames=[0, 5], key=KEY)
    assert first.status == again.status == 202 and first.json["id"] == again.json["id"]
    assert again.headers["location"] == first.headers["location"]
    server.wait(first.json, "done")
    late = server.post(ask, sentences=["mass"], frames=[0, 5], key=KEY).json
    assert late["id"] == first.json["id"] and late["state"] == "done" and len(late["results"]) == 1
    other = server.post(ask, sentences=["mass"], frames=[0, 5], key="another-chance").json
    without = server.post(ask, sentences=["mass"], frames=[0, 5]).json
    assert len({first.json["id"], other["id"], without["id"]}) == 3


@pytest.mark.parametrize("key", ["short", "a b c d e f g h", "x" * 65, "\u00e4" * 10])
def test_keys_that_cannot_be_meant(server, image, key):
    assert server.post(f"/v1/images/{image['id']}/segment", sentences=["mass"], frames=[0, 5], key=key).status == 422


def test_an_image_tells_its_jobs_and_a_job_what_it_is_about(server, image):
    assert image["jobs"] == []
    job = server.post(f"/v1/images/{image['id']}/segment", sentences=["mass", "polyp"], frames=[1, 4]).json
    assert server.get(f"/v1/images/{image['id']}").json["jobs"] == [job["id"]]
    done = server.wait(job, "done")
    assert (done["image"], done["frames"], done["sentences"]) == (image["id"], [1, 4], 2)


def test_an_image_that_is_left_is_closed_with_its_jobs_unless_somebody_comes_back(server, image):
    address = f"/v1/images/{image['id']}"
    job = server.post(f"{address}/segment", sentences=["mass"], frames=[0, 5]).json
    assert server.call("DELETE", f"{address}?after=1").status == 204
    assert server.get(address).status == 200  # somebody came back
    server.wait(job, "done")
    assert server.call("DELETE", f"{address}?after=0.2").status == 204
    until(lambda: server.service.images.find(image["id"]) is None)
    assert server.get(f"/v1/jobs/{job['id']}").code == "no_such_job"


@pytest.mark.parametrize("after", ["-1", "601", "nan", "x"])
def test_whiles_that_cannot_be_meant(server, image, after):
    assert server.call("DELETE", f"/v1/images/{image['id']}?after={after}").status == 422
    assert server.get(f"/v1/images/{image['id']}").status == 200
