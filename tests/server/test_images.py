"""Uploads of real files: what the server says of them, and shows of them."""

import asyncio
import gzip
import io
import time
import zipfile

import nibabel as nib
import numpy as np
import pydicom
import pytest
from PIL import Image

from lexseg.scans.images import read_image
from lexseg.scans.open import open_scan
from lexseg.server.images import Images
from lexseg.server.settings import Settings, Times
from serving import EXAMPLES, FILM


def shown(answer):
    assert answer.status == 200 and answer.headers["content-type"] == "image/png", answer.body
    return np.asarray(Image.open(io.BytesIO(answer.body)))


def test_a_film_is_described_and_shown_as_it_is(server):
    answer = server.send(FILM)
    assert answer.status == 201 and answer.headers["location"] == f"/v1/images/{answer.json['id']}"
    image = answer.json
    assert (image["frames"], image["height"], image["width"]) == (1, 512, 512)
    assert image["spacing"] is None and image["laterality"] is None and not image["color"]
    assert 0 < image["expires_in"] <= 1800
    pixels = read_image(FILM)
    frame = f"/v1/images/{image['id']}/frames/0"
    assert np.array_equal(shown(server.get(frame)), np.round(pixels * 255))
    values = np.frombuffer(server.get(f"{frame}/values").body, "<f4").reshape(512, 512)
    assert np.array_equal(values, pixels)
    assert image["range"] == [pixels.min(), pixels.max()]
    again = server.get(f"/v1/images/{image['id']}").json
    assert again | {"expires_in": 0} == image | {"expires_in": 0}


def test_colour_is_bytes_of_red_green_blue(server, data_root):
    path = next((data_root / "polyp_kvasir" / "images").iterdir())
    image = server.open(path)
    assert image["color"] and image["window"] is None
    values = np.frombuffer(server.get(f"/v1/images/{image['id']}/frames/0/values").body, "u1")
    assert np.array_equal(values.reshape(image["height"], image["width"], 3), np.round(read_image(path) * 255))


def test_the_spacing_is_taken_where_the_file_has_none(server, data_root):
    assert server.open(FILM, spacing="0.2, 0.3")["spacing"] == [0.2, 0.3]
    ct = server.open(data_root / "io_samples" / "dicom" / "highdicom" / "ct_image.dcm", spacing="7,7")
    assert ct["spacing"] != [7, 7] and "spacing" in " ".join(ct["notes"])
    assert "not on CT" in " ".join(ct["notes"])  # the bundled model has met films and ultrasound only
    for wrong in ("0.2", "0,1", "a,b", "nan,1", "1,2,3"):
        refused = server.send(FILM, spacing=wrong)
        assert refused.status == 422 and refused.code == "invalid"


def test_a_ct_series_as_many_files_in_any_order(server, data_root):
    files = sorted((data_root / "io_samples" / "dicom" / "dcmqi_ct-3slice").iterdir())
    image = server.open(files[2], files[0], files[1])
    stored = sorted((pydicom.dcmread(f) for f in files), key=lambda d: float(d.ImagePositionPatient[2]))
    assert (image["frames"], image["modality"], image["format"]) == (3, "CT", "dicom")
    assert image["spacing"] == pytest.approx([float(v) for v in stored[0].PixelSpacing])
    assert (image["patient_left"], image["laterality"]) == ("right", "patient")
    for number, header in enumerate(stored):
        said = server.get(f"/v1/images/{image['id']}/frames/{number}/values").body
        values = header.pixel_array * float(header.RescaleSlope) + float(header.RescaleIntercept)
        assert np.array_equal(np.frombuffer(said, "<f4").reshape(512, 512), values.astype("f4"))


def test_a_zip_gives_what_its_files_give(server, data_root):
    folder = data_root / "io_samples" / "dicom" / "dcmqi_ct-3slice"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.iterdir()):
            file.write(path, f"study/{path.name}")
    answer = server.send(packed.getvalue())
    assert answer.status == 201, answer.body
    files = server.open(*sorted(folder.iterdir()))
    path = "/v1/images/{}/frames/1/values"
    assert server.get(path.format(answer.json["id"])).body == server.get(path.format(files["id"])).body


def test_a_window_changes_what_is_shown(server, data_root):
    path = data_root / "io_samples" / "dicom" / "highdicom" / "ct_image.dcm"
    image = server.open(path)
    scan = open_scan(path)
    default = shown(server.get(f"/v1/images/{image['id']}/frames/0"))
    assert np.array_equal(default, np.round(scan.show(0) * 255))
    bone = shown(server.get(f"/v1/images/{image['id']}/frames/0?width=1800&level=400"))
    clipped = np.clip((scan.values(0) + 500) / 1800, 0, 1) * 255
    assert np.abs(bone - clipped).max() <= 0.51 and not np.array_equal(bone, default)
    for wrong in ("width=0&level=1", "width=10", "width=nan&level=1", "width=x&level=1"):
        assert server.get(f"/v1/images/{image['id']}/frames/0?{wrong}").status == 422


def test_a_film_that_counts_from_white_is_told_and_shown_right(server, data_root, tmp_path):
    header = pydicom.dcmread(data_root / "io_samples" / "dicom" / "highdicom" / "dx_image.dcm")
    header.PhotometricInterpretation = "MONOCHROME1"
    header.WindowWidth, header.WindowCenter, header.VOILUTFunction = 900, 500, "SIGMOID"
    header.save_as(tmp_path / "film.dcm")
    image = server.open(tmp_path / "film.dcm")
    assert image["inverted"] and image["window"] == {"name": "header", "width": 900, "level": 500, "kind": "sigmoid"}
    scan = open_scan(tmp_path / "film.dcm")
    values = np.frombuffer(server.get(f"/v1/images/{image['id']}/frames/0/values").body, "<f4")
    assert np.array_equal(values.reshape(scan.shape[1:]), scan.values(0))
    assert np.array_equal(shown(server.get(f"/v1/images/{image['id']}/frames/0")), np.round(scan.show(0) * 255))


def test_of_a_4d_volume_the_channel_is_asked_for(server):
    values = np.stack([np.full((6, 5, 4), v, np.int16) for v in (3, 9)], axis=-1)
    packed = gzip.compress(nib.Nifti1Image(values, np.eye(4)).to_bytes())
    refused = server.send(packed)
    assert refused.status == 422 and "channel" in refused.json["error"]["message"]
    image = server.open(packed, channel="1")
    assert image["range"] == [9, 9] and image["frames"] == 4
    assert server.send(packed, channel="2").status == 422
    assert server.send(packed, channel="-1").status == 422


def test_of_several_series_one_is_asked_for(server, data_root):
    folder = data_root / "io_samples" / "dicom"
    files = [folder / "highdicom" / "ct_image.dcm", folder / "torchio_series" / "IMG0001.dcm"]
    refused = server.send(*files)
    assert refused.status == 422
    for path in files:
        uid = pydicom.dcmread(path, stop_before_pixels=True).SeriesInstanceUID
        assert uid in refused.json["error"]["message"]
        assert server.open(*files, series=uid)["frames"] == 1


def test_a_closed_image_is_gone_from_memory_and_disk(server):
    image = server.open(FILM)
    folder = server.service.root / image["id"]
    assert folder.is_dir() and folder.stat().st_mode & 0o077 == 0
    (result,) = server.ask(image, "infection")
    assert server.call("DELETE", f"/v1/images/{image['id']}").status == 204
    assert not folder.exists()
    for path in (f"/v1/images/{image['id']}", f"/v1/images/{image['id']}/frames/0", result["links"]["mask"]):
        gone = server.get(path)
        assert gone.status == 404 and gone.code in ("no_such_image", "no_such_result")
    assert server.call("DELETE", f"/v1/images/{image['id']}").status == 404


def test_frames_that_are_not_there(server):
    image = server.open(FILM)
    for number in ("1", "-1", "99999999999999999999"):
        assert server.get(f"/v1/images/{image['id']}/frames/{number}").code == "no_such_frame"
    assert server.get(f"/v1/images/{image['id']}/frames/x").status == 422


def test_only_so_many_images_are_open_until_one_is_closed_or_idle(strict):
    images = [strict.open(EXAMPLES / "breast_case012.png") for _ in range(3)]
    full = strict.send(EXAMPLES / "breast_case012.png")
    assert full.status == 503 and full.code == "too_many_images" and full.headers["retry-after"]
    assert len(list(strict.service.root.iterdir())) == 4  # with the lock: nothing was left of the refused one
    strict.service.images.get(images[1]["id"]).used -= strict.service.settings.times.spare + 1
    strict.open(EXAMPLES / "breast_case012.png")
    assert strict.get(f"/v1/images/{images[1]['id']}").status == 404
    assert strict.get(f"/v1/images/{images[0]['id']}").status == 200


def test_what_nobody_asks_for_is_closed(tmp_path):
    class Idle:
        def __init__(self, id_, busy):
            self.id, self.busy, self.used, self.nbytes, self.sha256 = id_, busy, time.monotonic(), 0, "0" * 64
            self.folder = tmp_path / id_
            self.folder.mkdir()

    async def wait():
        images, closed = Images(Settings(times=Times(idle=0.1)), tmp_path), []
        for image in (Idle("left", 0), Idle("at-work", 1)):
            images.add(image)
        sweeping = asyncio.create_task(images.sweep(closed.append))
        async with asyncio.timeout(60):
            while not closed:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)  # another sweep or two
        sweeping.cancel()
        return [image.id for image in closed]

    assert asyncio.run(wait()) == ["left"]
    assert not (tmp_path / "left").exists() and (tmp_path / "at-work").exists()
