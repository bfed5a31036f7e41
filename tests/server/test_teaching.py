"""Teaching through the API: scribbles on a few images, and the next one is asked."""

import io

import numpy as np
import pytest
from PIL import Image

from few_discs import dice, disc


def opened(server, seed):
    image, mask = disc(seed)
    picture = io.BytesIO()
    Image.fromarray((image * 255).round().astype(np.uint8)).save(picture, "PNG")
    return server.open(picture.getvalue()), mask


def strokes_of(mask):
    rows, columns = np.nonzero(mask)
    row, middle = int(rows.mean()), int(columns.mean())
    top, bottom, left, right = rows.min() - 5, rows.max() + 5, columns.min() - 5, columns.max() + 5
    ring = [[top, left], [top, right], [bottom, right], [bottom, left], [top, left]]
    return [
        {"points": [[row, middle - 6], [row, middle + 6]], "radius": 1, "wanted": True},
        {"points": [[float(r), float(c)] for r, c in ring], "radius": 1, "wanted": False},
    ]


@pytest.fixture
def teaching(server):
    made = server.post("/v1/teachings")
    assert made.status == 201 and made.json["images"] == 0 and made.json["left_out"] is None
    yield made.json["id"]
    server.call("DELETE", f"/v1/teachings/{made.json['id']}")


def test_what_was_scribbled_on_two_images_is_found_in_the_next(server, teaching):
    for seed in (0, 1):
        image, mask = opened(server, seed)
        told = server.post(f"/v1/teachings/{teaching}/examples", image=image["id"], strokes=strokes_of(mask))
        assert told.status == 200 and told.json["images"] == seed + 1
        server.call("DELETE", f"/v1/images/{image['id']}")  # what was taught stays
    assert 0 < told.json["left_out"] <= 1
    image, mask = opened(server, 7)
    (result,) = server.post(f"/v1/teachings/{teaching}/segment", image=image["id"]).json["results"]
    assert result["state"] == "found" and result["model"] == "taught"
    picture = np.asarray(Image.open(io.BytesIO(server.get(result["links"]["mask"]).body))) > 0
    assert dice(picture, mask) > 0.85
    refused = server.post(f"/v1/results/{result['id']}/corrections", sentence="x", say="bigger")
    assert (refused.status, refused.code) == (409, "taught")


def test_what_cannot_be_taught_or_asked_is_refused(server, teaching):
    image, mask = opened(server, 0)
    one_sided = strokes_of(mask)[:1] * 2
    refused = server.post(f"/v1/teachings/{teaching}/examples", image=image["id"], strokes=one_sided)
    assert (refused.status, refused.code) == (422, "one_sided")
    outside = [{**stroke, "points": [[-50, -50]]} for stroke in strokes_of(mask)]
    refused = server.post(f"/v1/teachings/{teaching}/examples", image=image["id"], strokes=outside)
    assert (refused.status, refused.code) == (422, "one_sided")
    refused = server.post(f"/v1/teachings/{teaching}/segment", image=image["id"])
    assert (refused.status, refused.code) == (409, "nothing_taught")
    refused = server.post(f"/v1/teachings/{teaching}/segment", image="none")
    assert (refused.status, refused.code) == (404, "no_such_image")
    assert server.get(f"/v1/teachings/{teaching}").json["images"] == 0


def test_a_teaching_that_was_closed_is_gone(server):
    made = server.post("/v1/teachings").json["id"]
    assert server.call("DELETE", f"/v1/teachings/{made}").status == 204
    gone = server.get(f"/v1/teachings/{made}")
    assert (gone.status, gone.code) == (404, "no_such_teaching")


def test_the_one_left_alone_longest_makes_room(server):
    from lexseg.server.teachings import MOST

    made = [server.post("/v1/teachings").json["id"] for _ in range(MOST + 1)]
    assert server.get(f"/v1/teachings/{made[0]}").status == 404
    for id_ in made[1:]:
        assert server.call("DELETE", f"/v1/teachings/{id_}").status == 204


def test_an_idle_teaching_is_forgotten(monkeypatch):
    from lexseg.server import teachings
    from lexseg.server.refusal import Refusal

    now = [0.0]
    monkeypatch.setattr(teachings.time, "monotonic", lambda: now[0])
    held = teachings.Teachings(idle=10)
    made = held.new()
    made.used = 0.0
    now[0] = 5.0
    assert held.get(made.id) is made
    now[0] = 16.0
    with pytest.raises(Refusal, match="no such teaching"):
        held.get(made.id)
