import contextlib
import gc
import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lexseg.errors import DataError
from lexseg.scans.images import image_size, read_image
from lexseg.scans.masks import read_mask
from lexseg.scans.open import image_from_array, image_from_pil, open_scan

GRAY = np.arange(0, 240, 10, dtype=np.uint8).reshape(4, 6)


@pytest.fixture
def save(tmp_path):
    def save(image, name="a.png", **options):
        path = tmp_path / name
        (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(path, **options)
        return path

    return save


def png_of(width, height, *chunks):
    """A PNG that claims a size and holds one black pixel, whatever it claims."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [b"\x89PNG\r\n\x1a\n"]
    for chunk in (header, *chunks, b"IDAT" + zlib.compress(b"\0\0"), b"IEND"):
        parts.append(struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)))
    return b"".join(parts)


def _held():
    """What this process holds open."""
    held = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            held.add(os.readlink(link))
    return held


class TestReadImage:
    @pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp"])
    def test_8_bit_gray_is_divided_by_255(self, save, name):
        image = read_image(save(GRAY, name))
        assert image.dtype == np.float32
        np.testing.assert_allclose(image, GRAY / 255, atol=1e-7)

    def test_colour_keeps_its_channels(self, save):
        colour = np.stack([GRAY, GRAY[::-1], GRAY.T.reshape(4, 6)], axis=-1)
        np.testing.assert_allclose(read_image(save(colour)), colour / 255, atol=1e-7)

    def test_jpeg_is_near(self, save):
        smooth = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1))
        assert np.abs(read_image(save(smooth, "a.jpg", quality=95)) - smooth / 255).max() < 0.03

    @pytest.mark.parametrize("name", ["a.png", "a.tif"])
    def test_16_bit_is_scaled_by_its_own_range(self, save, name):
        values = np.array([[1000, 2000], [1500, 3000]], np.uint16)
        np.testing.assert_allclose(read_image(save(values, name)), [[0, 0.5], [0.25, 1]], atol=1e-6)

    def test_32_bit_integers_are_scaled_by_their_own_range(self, save):
        values = np.array([[-1000, 0], [1000, 3000]], np.int32)
        np.testing.assert_allclose(read_image(save(values, "a.tif")), [[0, 0.25], [0.5, 1]], atol=1e-6)

    def test_a_constant_16_bit_image_is_black(self, save):
        assert read_image(save(np.full((2, 3), 700, np.uint16))).tolist() == [[0, 0, 0], [0, 0, 0]]

    def test_floats_within_0_and_1_stay(self, save):
        values = np.array([[0.2, 0.4]], np.float32)
        np.testing.assert_array_equal(read_image(save(values, "a.tif")), values)

    def test_other_floats_are_scaled(self, save):
        values = np.array([[-5.0, 0.0, 5.0]], np.float32)
        np.testing.assert_allclose(read_image(save(values, "a.tif")), [[0, 0.5, 1]])

    def test_white_is_zero_tiffs_are_turned(self, save):
        values = np.array([[0, 65535]], np.uint16)
        path = save(values, "a.tif", tiffinfo={262: 0})
        with Image.open(path) as image:
            assert image.tag_v2[262] == 0
        np.testing.assert_array_equal(read_image(path), [[1, 0]])

    def test_one_bit(self, save):
        image = read_image(save(Image.fromarray(GRAY > 100)))
        np.testing.assert_array_equal(image, (GRAY > 100).astype(np.float32))

    def test_gray_palette_becomes_gray(self, save):
        image = Image.fromarray(GRAY // 10, "P")
        image.putpalette([c for k in range(24) for c in (10 * k,) * 3])
        read = read_image(save(image))
        assert read.shape == (4, 6)
        np.testing.assert_allclose(read, GRAY / 255, atol=1e-7)

    def test_coloured_palette_becomes_colour(self, save):
        image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
        image.putpalette([255, 0, 0, 0, 0, 255])
        assert read_image(save(image)).tolist() == [[[1, 0, 0], [0, 0, 1]]]

    def test_palette_with_transparency_lies_over_black(self, save):
        image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
        image.putpalette([255, 0, 0, 0, 0, 255])
        assert read_image(save(image, transparency=0)).tolist() == [[[0, 0, 0], [0, 0, 1]]]

    def test_cmyk(self, save):
        image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
        read = read_image(save(image, "a.jpg", quality=95))
        assert read.shape == (16, 16, 3)
        np.testing.assert_allclose(read.mean((0, 1)), [1, 0, 0], atol=0.03)

    def test_alpha_lies_over_black(self, save):
        pixels = np.array([[[200, 100, 50, 255], [200, 100, 50, 0], [200, 100, 50, 128]]], np.uint8)
        read = read_image(save(pixels))
        np.testing.assert_allclose(read[0, 0] * 255, [200, 100, 50], atol=1e-4)
        assert read[0, 1].tolist() == [0, 0, 0]
        np.testing.assert_allclose(read[0, 2] * 255, [100, 50, 25], atol=1)

    @pytest.mark.parametrize("colour", [0, 255])
    def test_a_mask_may_be_drawn_by_what_is_opaque(self, save, colour):
        drawn = GRAY > 100
        pixels = np.dstack([np.full((*GRAY.shape, 3), colour, np.uint8), np.where(drawn, 255, 0).astype(np.uint8)])
        assert np.array_equal(read_mask(save(pixels)), drawn)

    def test_gray_with_alpha_stays_gray(self, save):
        pixels = np.dstack([GRAY, np.where(GRAY > 100, 255, 0).astype(np.uint8)])
        read = read_image(save(Image.fromarray(pixels, "LA")))
        np.testing.assert_allclose(read, np.where(GRAY > 100, GRAY, 0) / 255, atol=1e-7)

    @pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_orientation_is_applied_to_image_size_and_mask(self, save, name, orientation):
        # what the camera stored, for each note of how it was held, of an upright picture that is white at the top left
        upright = np.zeros((32, 48), np.uint8)
        upright[:16, :16] = 255
        stored = {
            1: upright,
            2: upright[:, ::-1],
            3: upright[::-1, ::-1],
            4: upright[::-1],
            5: upright.T,
            6: np.rot90(upright, 1),
            7: np.rot90(upright, 2).T,
            8: np.rot90(upright, -1),
        }[orientation]
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = save(np.ascontiguousarray(stored), name, exif=exif)
        np.testing.assert_allclose(read_image(path), upright / 255, atol=0.1)
        assert image_size(path) == (32, 48)
        if not name.endswith("jpg"):
            np.testing.assert_array_equal(read_mask(path), upright > 0)

    @pytest.mark.filterwarnings("ignore")
    def test_a_damaged_orientation_is_ignored(self, save):
        path = save(GRAY, "a.png", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\xff garbage")
        assert read_image(path).shape == image_size(path) == (4, 6)

    def test_1_by_1(self, save):
        path = save(np.array([[255]], np.uint8))
        assert read_image(path).tolist() == [[1.0]]
        assert image_size(path) == (1, 1)
        assert read_mask(path).tolist() == [[True]]

    @pytest.mark.slow
    @pytest.mark.filterwarnings("error")
    def test_10_000_by_10_000(self, save):
        path = save(Image.new("L", (10_000, 10_000), 51), compress_level=1)
        assert image_size(path) == (10_000, 10_000)
        image = read_image(path)
        assert image.shape == (10_000, 10_000)
        assert image[::997, ::997] == pytest.approx(0.2)
        del image
        assert read_mask(path).all()

    def test_suffix_does_not_matter(self, save, tmp_path):
        path = save(GRAY, "a.png").rename(tmp_path / "scan.001")
        assert read_image(path).shape == (4, 6)


@pytest.mark.filterwarnings("ignore")  # Pillow warns of what it finds in damaged TIFFs
class TestRefused:
    def refused(self, path, *words, reader=read_image):
        with pytest.raises(DataError) as caught:
            reader(path)
        message = str(caught.value)
        assert message.startswith(f"{path}: ")
        for word in words:
            assert word in message

    def test_missing(self, tmp_path):
        for reader in (read_image, read_mask, image_size):
            self.refused(tmp_path / "no.png", "no such file", reader=reader)

    def test_empty(self, tmp_path):
        (tmp_path / "a.png").write_bytes(b"")
        self.refused(tmp_path / "a.png", "empty")

    def test_folder(self, tmp_path):
        self.refused(tmp_path, "cannot be read")

    @pytest.mark.parametrize("reader", [read_image, read_mask, image_size])
    def test_paths_that_lead_to_no_file(self, tmp_path, reader):
        (tmp_path / "loop.png").symlink_to("loop.png")
        (tmp_path / "file").write_bytes(b"x")
        os.mkfifo(tmp_path / "pipe.png")
        for name, words in {
            "loop.png": "cannot be read", "a" * 300: "cannot be read", "file/a.png": "cannot be read",
            "pipe.png": "not a file",  # and nobody waits for somebody to write
        }.items():  # fmt: skip
            self.refused(tmp_path / name, words, reader=reader)
        with pytest.raises(DataError, match="is no path: it holds a NUL"):
            reader("a\0b.png")

    @pytest.mark.parametrize("content", [b"hello", b"\0" * 1000, b"\xff"])
    def test_no_image(self, tmp_path, content):
        (tmp_path / "a.png").write_bytes(content)
        self.refused(tmp_path / "a.png", "not an image", "expected PNG")

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b"%PDF-1.7", "a PDF document"),
            (b"GIF89a\x01\0\x01\0", "GIF"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "WebP"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
            (b"\0\0\0\x18ftypmp42\0\0\0\0", "a film"),
            (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        ],
    )
    def test_what_is_often_given_and_not_read_is_called_by_its_name(self, tmp_path, content, told):
        (tmp_path / "a").write_bytes(content)
        self.refused(tmp_path / "a", told, "which is not read", "expected PNG")
        with pytest.raises(DataError, match=f"{told}.*save the picture as one of them"):
            open_scan(tmp_path / "a")

    @pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.bmp"])
    @pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9])
    def test_truncated(self, save, name, share):
        noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
        path = save(noise, name)
        whole = path.read_bytes()
        path.write_bytes(whole[: max(4, int(len(whole) * share))])
        self.refused(path)
        self.refused(path, reader=read_mask)

    @pytest.mark.parametrize("name", ["a.png", "a.tif"])
    def test_any_damage_is_refused_or_read_but_never_another_error(self, save, name):
        noise = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
        path = save(noise, name)
        whole = path.read_bytes()
        random = np.random.default_rng(1)
        refused = 0
        for _ in range(150):
            damaged = bytearray(whole)
            for place in random.integers(0, len(whole), 3):
                damaged[place] = random.integers(0, 256)
            path.write_bytes(damaged)
            try:
                image = read_image(path)
                assert np.isfinite(image).all()
                assert 0 <= image.min() <= image.max() <= 1
            except DataError:
                refused += 1
        assert refused > 10

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_nan(self, save, bad):
        values = np.array([[0.5, bad, 1.0]], np.float32)
        path = save(values, "a.tif")
        self.refused(path, "1 of 3 pixels", "not finite")
        self.refused(path, "not finite", reader=read_mask)

    def test_decompression_bomb_is_refused_by_its_header(self, tmp_path):
        path = tmp_path / "bomb.png"
        path.write_bytes(png_of(100_000, 100_000))
        for reader in (read_image, read_mask, image_size):
            self.refused(path, "100000 x 100000", "200 million", reader=reader)

    def test_the_limit_is_ours(self, save, monkeypatch):
        monkeypatch.setattr("lexseg.scans.open.MAX_PIXELS", 23)
        self.refused(save(GRAY), "6 x 4")
        with pytest.raises(DataError):
            image_from_array(GRAY)

    def test_a_compressed_text_chunk_that_unpacks_to_very_much(self, tmp_path):
        path = tmp_path / "bomb.png"
        path.write_bytes(png_of(1, 1))
        assert read_image(path).tolist() == [[0]]
        path.write_bytes(png_of(1, 1, b"zTXtnote\0\0" + zlib.compress(b"a" * 100_000_000)))
        self.refused(path)

    def test_several_pages(self, save):
        page = Image.fromarray(GRAY)
        self.refused(save(page, "a.tif", save_all=True, append_images=[page, page]), "3 pages")

    @pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.bmp"])
    @pytest.mark.parametrize("reader", [read_image, read_mask, image_size])
    def test_files_are_closed_when_they_are_read(self, save, name, reader):
        path = save(np.full((4, 6), 255, np.uint8), name)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")  # of a file that is closed only because nothing names it any more
            reader(path)
            gc.collect()
        assert [str(each.message) for each in told] == []

    @pytest.mark.parametrize("reader", [read_image, read_mask, image_size])
    def test_files_are_closed_when_they_are_refused(self, save, tmp_path, reader):
        page = Image.fromarray(GRAY)
        several = save(page, "several.tif", save_all=True, append_images=[page])
        for name, content in (("bomb.png", png_of(100_000, 100_000)), ("a.png", b"no image"), ("b.tif", b"II*\0" * 9)):
            (tmp_path / name).write_bytes(content)
        for path in (several, *(tmp_path / name for name in ("bomb.png", "a.png", "b.tif"))):
            with pytest.raises(DataError) as caught:
                reader(path)
            # as long as the error is held, so is what its frames hold
            assert caught.value.__traceback__ is not None and str(path) not in _held(), path


class TestReadMask:
    @pytest.mark.parametrize("pair", [(0, 255), (0, 1), (3, 7), (254, 255)])
    def test_the_larger_value_is_foreground(self, save, pair):
        foreground = GRAY > 100
        values = np.where(foreground, max(pair), min(pair)).astype(np.uint8)
        read = read_mask(save(values))
        assert read.dtype == np.bool_
        np.testing.assert_array_equal(read, foreground)

    @pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
    def test_of_other_types(self, save, dtype):
        values = np.where(GRAY > 100, 1000, 10).astype(dtype)
        np.testing.assert_array_equal(read_mask(save(values, "a.tif")), GRAY > 100)

    def test_one_bit(self, save):
        np.testing.assert_array_equal(read_mask(save(Image.fromarray(GRAY > 100))), GRAY > 100)

    @pytest.mark.parametrize(("value", "expected"), [(0, False), (1, True), (255, True)])
    def test_a_single_value(self, save, value, expected):
        read = read_mask(save(np.full((3, 4), value, np.uint8)))
        assert read.shape == (3, 4)
        assert (read == expected).all()

    def test_indices_of_a_coloured_palette(self, save):
        image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
        image.putpalette([200, 200, 0, 10, 0, 0])  # the foreground is darker
        assert read_mask(save(image)).tolist() == [[False, True]]

    def test_grays_of_a_gray_palette(self, save):
        image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
        image.putpalette([255, 255, 255, 0, 0, 0])
        assert read_mask(save(image)).tolist() == [[True, False]]

    def test_gray_in_colour_and_alpha(self, save):
        values = np.where(GRAY > 100, 255, 0).astype(np.uint8)
        np.testing.assert_array_equal(read_mask(save(np.dstack([values] * 3))), GRAY > 100)
        opaque = np.full_like(values, 255)
        np.testing.assert_array_equal(read_mask(save(np.dstack([values] * 3 + [opaque]))), GRAY > 100)
        np.testing.assert_array_equal(read_mask(save(np.dstack([opaque] * 3 + [values]))), GRAY > 100)

    def test_of_two_colours_the_brighter_is_foreground(self, save):
        pixels = np.zeros((2, 2, 3), np.uint8)
        pixels[0, 0] = (0, 255, 0)
        assert read_mask(save(pixels)).tolist() == [[True, False], [False, False]]

    @pytest.mark.parametrize("colours", [((255, 0, 0), (0, 0, 255)), ((0, 0, 0), (9, 0, 0), (0, 0, 99))])
    def test_colours_that_do_not_say(self, save, colours):
        with pytest.raises(DataError, match="colours"):
            read_mask(save(np.array([colours], np.uint8)))

    def test_more_values_are_refused_and_counted(self, save):
        with pytest.raises(DataError, match=r"a\.png: the mask holds 3 values \(0 to 2\), expected two; .*label"):
            read_mask(save(np.array([[0, 1, 2]], np.uint8)))

    def test_jpeg_gets_the_hint(self, save):
        values = np.where(GRAY > 100, 255, 0).astype(np.uint8)
        with pytest.raises(DataError, match="save masks as PNG"):
            read_mask(save(values, "a.jpg"))

    @pytest.mark.parametrize("label", [0, 1, 2, 9])
    def test_label_names_the_foreground(self, save, label):
        values = np.array([[0, 1, 2]], np.uint8)
        np.testing.assert_array_equal(read_mask(save(values), label), values == label)


class TestFromMemory:
    @pytest.mark.parametrize(
        "mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "HSV", "LAB", "I", "F", "I;16"]
    )
    def test_every_mode(self, mode):
        image = image_from_pil(Image.new(mode, (5, 3)))
        assert image.dtype == np.float32
        assert image.shape in [(3, 5), (3, 5, 3)]

    def test_images_that_cannot_be_read_any_more(self, save):
        path = save(np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8))
        path.write_bytes(path.read_bytes()[:2000])
        with Image.open(path) as image, pytest.raises(DataError, match="the film: the image is damaged, cut short"):
            image_from_pil(image, name="the film")
        closed = Image.new("L", (4, 4))
        closed.close()
        with pytest.raises(DataError, match="or closed"):
            image_from_pil(closed)

    def test_pillow_and_array_agree(self):
        np.testing.assert_array_equal(image_from_pil(Image.fromarray(GRAY)), image_from_array(GRAY))

    def test_a_single_channel_is_dropped(self):
        assert image_from_array(GRAY[..., None]).shape == (4, 6)

    def test_the_input_is_left_alone(self):
        values = np.array([[0.25, 0.5]], np.float32)
        image = image_from_array(values)
        image[:] = 7
        assert values.tolist() == [[0.25, 0.5]]

    @pytest.mark.parametrize("shape", [(3,), (2, 2, 2), (1, 3, 8, 8), (0, 4), (4, 0, 3)])
    def test_shapes_that_are_no_image(self, shape):
        with pytest.raises(DataError, match="the scan"):
            image_from_array(np.zeros(shape, np.uint8), name="the scan")

    def test_types_that_are_no_numbers(self):
        with pytest.raises(DataError, match="expected numbers"):
            image_from_array(np.array([["a"]]))

    def test_nan(self):
        with pytest.raises(DataError, match="1 of 2 pixels"):
            image_from_array(np.array([[np.nan, 1]]))

    def test_extreme_ranges_do_not_overflow(self):
        image = image_from_array(np.array([[-3e38, 0, 3e38]], np.float32))
        np.testing.assert_allclose(image, [[0, 0.5, 1]], atol=1e-6)
        whole = np.array([[np.iinfo(np.int64).min, np.iinfo(np.int64).max]])
        np.testing.assert_allclose(image_from_array(whole), [[0, 1]])


def test_real_images(data_root):
    for name in ("qata_covid19", "polyp_kvasir", "breast_us_birads", "covid_ct"):
        paths = sorted((data_root / name / "images").iterdir())[:5]
        for path in paths:
            image = read_image(path)
            with Image.open(io.BytesIO(path.read_bytes())) as opened:
                assert image.shape[:2] == image_size(path) == opened.size[::-1]
            assert 0 <= image.min() < image.max() <= 1
        mask = read_mask(sorted((data_root / name / "masks").iterdir())[0])
        assert 0 <= mask.mean() < 1
