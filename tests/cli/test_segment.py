"""``lexseg segment`` on good, odd and bad input, through ``main`` as the command line calls it."""

import argparse
import csv
import importlib
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import fakes
from lexseg.cli.main import main


def spots(height=90, width=160):
    image = np.zeros((height, width), np.uint8)
    image[height // 3 : 2 * height // 3, width // 8 : width // 3] = 255
    image[height // 3 : 2 * height // 3, -width // 3 : -width // 8] = 255
    return image


def test_options_are_understood_in_both_spellings():
    """Of all commands: who knows one spelling from another command need not look it up again."""
    for name in ("check", "import_", "refer", "segment", "evaluate", "calibrate"):
        commands = argparse.ArgumentParser().add_subparsers()
        importlib.import_module(f"lexseg.cli.{name}").add_parser(commands)
        (parser,) = commands.choices.values()
        spelled = {option for action in parser._actions for option in action.option_strings if option.startswith("--")}
        assert spelled >= {f"--{option[2:].replace('-', '_')}" for option in spelled}, name
        assert spelled >= {f"--{option[2:].replace('_', '-')}" for option in spelled}, name


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "film.png"
    Image.fromarray(spots()).save(path)
    return path


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def segment(sides_folder, out, capsys):
    """Run the command; returns its status and what it wrote to the error stream."""

    def call(*arguments):
        status = main(["segment", *map(str, arguments), "--model", str(sides_folder), "--output", str(out)])
        return status, capsys.readouterr().err

    return call


def mask_of(path):
    picture = Image.open(path)
    assert picture.mode == "L"
    return np.asarray(picture)


def listed(folder):
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def test_mask_overlay_and_numbers(segment, film, out):
    status, err = segment(film, "--text", "left lung", "--laterality", "image")
    assert (status, err) == (0, "")
    assert listed(out) == ["film.json", "film_mask.png", "film_overlay.png"]
    mask = mask_of(out / "film_mask.png")
    assert mask.shape == (90, 160) and set(np.unique(mask)) == {0, 255}
    assert mask[:, :80].any() and not mask[:, 80:].any()
    record = json.loads((out / "film.json").read_text())
    assert record["area"]["px"] == (mask > 0).sum() and record["area"]["mm2"] is None
    assert record["n_components"] == len(record["components"]) == 1 and record["found"] is True
    assert record["laterality"] == "image" and record["size"] == [90, 160] and record["text_given"] is True
    assert set(record["seconds"]) == {"read", "image", "sentence"}
    assert 0.5 < record["probability"]["mean_inside"] <= record["probability"]["max"] <= 1
    assert "medical device" in record["note"]
    rows, columns = np.nonzero(mask)
    assert record["box"] == [rows.min(), columns.min(), np.ptp(rows) + 1, np.ptp(columns) + 1]


def test_the_sentence_is_written_only_where_asked_for(segment, film, out):
    segment(film, "--text", "left lung of Zaphod")
    assert all(b"Zaphod" not in (out / name).read_bytes() and "Zaphod" not in name for name in listed(out))
    segment(film, "--text", "left lung of Zaphod", "--include-text")
    assert json.loads((out / "film.json").read_text())["text"] == "left lung of Zaphod"


def test_without_a_sentence_the_null_sentence_is_asked(segment, film, out):
    assert segment(film)[0] == 0
    record = json.loads((out / "film.json").read_text())
    assert record["text_given"] is False and record["n_components"] == 2


def test_several_sentences_and_equal_stems_are_numbered(segment, film, out, tmp_path):
    (tmp_path / "b").mkdir()
    Image.fromarray(spots()).save(tmp_path / "b" / "film.png")
    Image.fromarray(spots()).save(tmp_path / "film_2.png")
    status, _ = segment(film, tmp_path / "b", tmp_path / "film_2.png", "--text", "left", "--text", "right")
    assert status == 0
    masks = [n.removesuffix("_mask.png") for n in listed(out) if n.endswith("_mask.png")]
    assert sorted(masks) == ["film", "film_2", "film_2_2", "film_3", "film_4", "film_5"]
    last = json.loads((out / "film_5.json").read_text())
    assert last["image"] == str(tmp_path / "b" / "film.png") and last["sentence"] == 2
    left = mask_of(out / "film_mask.png")
    right = mask_of(out / "film_3_mask.png")
    assert left[:, :80].any() and right[:, 80:].any() and not (left & right).any()


def test_a_folder_takes_images_in_the_order_of_their_names(segment, out, tmp_path):
    folder = tmp_path / "films"
    folder.mkdir()
    for name in ("b.png", "a.jpg", "c.TIF"):
        Image.fromarray(spots()).save(folder / name, format={"jpg": "JPEG", "TIF": "TIFF"}.get(name[2:], "PNG"))
    (folder / "notes.txt").write_text("not an image, and not asked for")
    assert segment(folder)[0] == 0
    assert [n for n in listed(out) if n.endswith(".json")] == ["a.json", "b.json", "c.json"]


def test_what_a_folder_holds_beside_its_pictures_is_told_by_kind(segment, film, out, tmp_path):
    folder = tmp_path / "mixed"
    (folder / "more").mkdir(parents=True)
    film.rename(folder / "film.png")
    Image.fromarray(spots()).save(folder / "more" / "deeper.png")
    Image.fromarray(spots()).save(folder / "unnamed", format="PNG")
    for n in range(4):
        (folder / f"IM{n}").write_text("seen by nobody")
    (folder / ".hidden").write_text("no matter")
    status, err = segment(folder, "--text", "bright left")
    assert status == 0 and listed(out) == ["film.json", "film_mask.png", "film_overlay.png"]
    assert "files of other kinds: 4 (IM0, IM1, IM2, ...); folders: 1 (more); image files: 1 (unnamed)" in err
    assert ".hidden" not in err
    assert f"lexseg segment {folder / 'FILE'}" in err
    status, err = segment(folder / "film.png", "--text", "bright left")
    assert "left out" not in err


def test_pictures_in_the_folders_of_a_folder_are_not_passed_over_in_silence(segment, film, tmp_path):
    (tmp_path / "study" / "first").mkdir(parents=True)
    film.rename(tmp_path / "study" / "first" / "film.png")
    status, err = segment(tmp_path / "study", "--text", "bright left")
    assert status == 1 and f"name them, as {tmp_path / 'study' / 'first'}" in err


class Pieces(io.StringIO):
    """A stream that remembers what each call wrote."""

    def __init__(self):
        super().__init__()
        self.written = []

    def write(self, text):
        self.written += [text] if text else []
        return super().write(text)


def test_the_lines_of_images_that_are_done_together_do_not_run_into_one_another(
    sides_folder, film, out, tmp_path, monkeypatch
):
    said = {name: Pieces() for name in ("stdout", "stderr")}
    for name, stream in said.items():
        monkeypatch.setattr(sys, name, stream)
    (tmp_path / "b.png").write_bytes(film.read_bytes())
    nonsense = ("--text", "xyzzy on the left")  # a warning for each
    assert main(["segment", *map(str, tmp_path.glob("*.png")), *nonsense, *_to(sides_folder, out)]) == 0
    warnings = [text for text in said["stderr"].written if text.startswith("warning: ")]
    assert len(said["stdout"].written) == 2 and warnings
    assert all(text.endswith("\n") for text in said["stdout"].written + warnings)


def _to(model, out):
    return ("--model", str(model), "--output", str(out), "--workers", "2")


def test_letters_beyond_ascii_where_the_locale_is_c(tmp_path):
    """On the command line, in file names, in a table, in JSON and on both streams."""
    Image.fromarray(spots()).save(tmp_path / "Röntgen.png")
    (tmp_path / "asked.csv").write_text("image,text\nRöntgen.png,left\nfehlt_ä.png,\n", encoding="utf-8")

    def run(*arguments):
        command = [sys.executable, "-m", "lexseg", "segment", *arguments, "--device", "cpu"]
        locale = {"LC_ALL": "C", "PYTHONUTF8": "0"}
        done = subprocess.run(command, capture_output=True, cwd=tmp_path, env={**os.environ, **locale})
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    asked = ["Röntgen.png", "--text", "Entzündung 左", "--include-text", "--output", "ö"]
    status, out, _ = run(*asked)
    assert status == 0 and "Röntgen.png -> ö/Röntgen_mask.png" in out
    record = json.loads((tmp_path / "ö" / "Röntgen.json").read_text())
    assert record["image"] == "Röntgen.png" and record["text"] == "Entzündung 左"
    assert "1 of 1 are written already" in run(*asked, "--resume")[2]
    status, _, err = run("asked.csv", "--output", "table")
    assert status == 1 and "there is no file 'fehlt_ä.png'" in err
    assert listed(tmp_path / "table") == ["Röntgen.json", "Röntgen_mask.png", "Röntgen_overlay.png"]


def test_a_table_with_byte_order_mark_crlf_and_quoted_commas(segment, film, out, tmp_path):
    table = tmp_path / "asked.csv"
    text = 'image,text,laterality,spacing\r\nfilm.png,"left, lung",patient,"0.5,0.25"\r\nfilm.png,,,\r\n'
    table.write_bytes(b"\xef\xbb\xbf" + text.encode())
    status, _ = segment(table)
    assert status == 0
    first, second = (json.loads((out / n).read_text()) for n in ("film.json", "film_2.json"))
    assert first["laterality"] == "patient" and first["area"]["mm2"] == first["area"]["px"] * 0.125
    assert mask_of(out / "film_mask.png")[:, 80:].any() and not mask_of(out / "film_mask.png")[:, :80].any()
    assert second["text_given"] is False


def test_a_manifest_serves_as_table(segment, film, out, tmp_path):
    table = tmp_path / "cases.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([["id", "image", "mask", "split", "text"], ["a", "film.png", "", "test", "left"]])
    assert segment(table)[0] == 0 and mask_of(out / "film_mask.png")[:, :80].any()


def test_rows_that_are_bad_are_named_and_the_good_ones_done(segment, film, out, tmp_path):
    (tmp_path / "in").mkdir()
    film.rename(tmp_path / "in" / "film.png")
    Image.fromarray(spots()).save(tmp_path / "outside.png")
    table = tmp_path / "in" / "asked.csv"
    table.write_text("image,text\n../outside.png,left\nmissing.png,left\nfilm.png,left\nfilm.png,left,right\n")
    status, err = segment(table)
    assert status == 1 and "Traceback" not in err
    assert "row 2" in err and "out of the manifest's folder" in err
    assert "row 3" in err and "missing.png" in err
    assert "row 5" in err and "quotation marks" in err
    assert listed(out) == ["film.json", "film_mask.png", "film_overlay.png"]


def test_a_row_that_is_bad_leaves_no_files_and_no_second_complaint(segment, film, out, tmp_path):
    table = tmp_path / "asked.csv"
    table.write_text(
        "image,text,spacing,laterality\nnope.png,left,,\n,left,,\nfilm.png,left,abc,\nfilm.png,left,,mine\n"
    )
    status, err = segment(table)
    assert status == 1 and [f"row {n}" in err for n in (2, 3, 4, 5)] == [True] * 4
    assert "DICOM" not in err and "series" not in err and listed(out) == []


def test_a_mistyped_column_of_sentences_is_not_taken_for_none(segment, film, out, tmp_path):
    (tmp_path / "asked.csv").write_text("image,txt\nfilm.png,left\n")
    status, err = segment(tmp_path / "asked.csv")
    assert status == 1 and "the header lacks 'text' (found image, txt)" in err and listed(out) == []
    assert segment(tmp_path / "asked.csv", "--text", "right")[0] == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text\nleft\n", "'image'"),
        (b"", "'image'"),
        (b"image,text\n", "no rows"),
        (b"image,text\n\xff\xfe,a\n", "UTF-8"),
        (b'image,text\nfilm.png,"left\n', "asked.csv"),
    ],
)
def test_a_table_that_cannot_be_read(segment, tmp_path, content, message):
    (tmp_path / "asked.csv").write_bytes(content)
    status, err = segment(tmp_path / "asked.csv")
    assert status == 1 and "asked.csv" in err and message in err


def test_a_table_and_text_contradict_each_other(segment, film, tmp_path):
    (tmp_path / "asked.csv").write_text("image,text\nfilm.png,left\n")
    status, err = segment(tmp_path / "asked.csv", "--text", "right")
    assert status == 1 and "--text" in err
    (tmp_path / "asked.csv").write_text("image\nfilm.png\n")
    assert segment(tmp_path / "asked.csv", "--text", "right")[0] == 0


def test_laterality_tta_and_threshold(segment, film, out):
    segment(film, "--text", "left lung", "--laterality", "patient", "--tta", "--threshold", "0.3")
    mask = mask_of(out / "film_mask.png")
    record = json.loads((out / "film.json").read_text())
    assert mask[:, 80:].any() and not mask[:, :80].any()
    assert record["laterality"] == "patient" and record["model_laterality"] == "image"
    assert record["tta"] is True and record["threshold"] == 0.3


def test_whose_left_it_is_stands_on_the_overlay_where_it_matters(segment, film, out):
    segment(film, "--text", "bright")
    assert Image.open(out / "film_overlay.png").size == (160, 90)
    segment(film, "--text", "left")
    assert Image.open(out / "film_overlay.png").height > 90


def test_what_is_taken_for_granted_of_a_picture_s_sides_is_said_once(segment, film, out, tmp_path):
    Image.fromarray(spots()).save(tmp_path / "other.png")
    _, said = segment(film, tmp_path / "other.png", "--text", "bright", "--text", "left lung")
    assert said.count("left and right are taken for those of the picture") == 1 and "--laterality patient" in said
    assert "is not read" in said


@pytest.mark.parametrize(
    "options", [("--text", "bright"), ("--text", "left lung", "--laterality", "image"), ("--text", "left over bright")]
)
def test_where_no_side_is_named_or_all_is_said_there_is_no_such_note(segment, film, options):
    assert "left and right" not in segment(film, *options)[1]


def test_a_table_that_says_whose_sides_they_are_needs_no_such_note(segment, film, tmp_path):
    (tmp_path / "asked.csv").write_text("image,text,laterality\nfilm.png,left lung,patient\n")
    assert "left and right" not in segment(tmp_path / "asked.csv")[1]
    (tmp_path / "german.csv").write_text("image,text,language\nfilm.png,Infiltrat links,de\n")
    assert "left and right are taken" in segment(tmp_path / "german.csv")[1]


# --- odd images must work


def odd_images():  # name, image, how to save it, and size of the mask
    gray = Image.fromarray(spots())
    colour = gray.convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    yield "deep.png", Image.fromarray(spots().astype(np.uint16) * 16), {}, (90, 160)
    yield "deep.tif", Image.fromarray(spots().astype(np.uint16) * 16), {}, (90, 160)
    yield "palette.png", colour.quantize(8), {}, (90, 160)
    yield "cmyk.jpg", colour.convert("CMYK"), {}, (90, 160)
    yield "alpha.png", colour.convert("RGBA"), {}, (90, 160)
    yield "bits.png", gray.convert("1"), {}, (90, 160)
    yield "turned.jpg", gray, {"exif": exif}, (160, 90)
    yield "dot.png", Image.new("L", (1, 1), 255), {}, (1, 1)
    yield "spectrum.png", Image.new("L", (3000, 2), 255), {}, (2, 3000)
    yield "Fl\u00e4che \u80ba.png", gray, {}, (90, 160)


@pytest.mark.parametrize(
    ("name", "image", "options", "size"), list(odd_images()), ids=lambda v: v if isinstance(v, str) else ""
)
def test_odd_images_work(segment, out, tmp_path, name, image, options, size):
    image.save(tmp_path / name, **options)
    status, err = segment(tmp_path / name, "--text", "bright")
    assert (status, err) == (0, "")
    mask = mask_of(out / f"{os.path.splitext(name)[0]}_mask.png")
    assert mask.shape == size and mask.any()


@pytest.mark.slow
def test_ten_thousand_by_ten_thousand(segment, out, tmp_path):
    image = np.zeros((10_000, 10_000), np.uint8)
    image[4000:6000, 1000:3000] = 255
    Image.fromarray(image).save(tmp_path / "huge.png", compress_level=1)
    assert segment(tmp_path / "huge.png", "--text", "left")[0] == 0
    record = json.loads((out / "huge.json").read_text())
    assert record["area"]["px"] == pytest.approx(2000 * 2000, rel=0.3)
    assert Image.open(out / "huge_overlay.png").width <= 2048
    with Image.open(out / "huge_mask.png") as mask:
        assert mask.size == (10_000, 10_000)


@pytest.mark.parametrize("text", ["\u5de6\u4e0b\u80ba", "\U0001fac1\U0001f440"])
def test_strange_words_work_with_a_warning(segment, film, out, text):
    status, err = segment(film, "--text", text)
    assert status == 0 and err.startswith("warning:") and "unknown" in err
    assert json.loads((out / "film.json").read_text())["warnings"]


# --- bad input must be refused: a message, status 1, no traceback, nothing half-written


def bomb():
    """A PNG of a few bytes that says it holds 50,000 x 50,000 pixels."""
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


def bad_files(tmp_path):
    good = tmp_path / "good_.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 160), np.uint8)).save(good)
    nan = tmp_path / "nan_.tif"
    values = spots().astype(np.float32)
    values[0, 0] = np.nan
    Image.fromarray(values).save(nan)
    return {
        "empty.png": b"",
        "truncated.png": good.read_bytes()[:5000],
        "text.png": b"this is no image",
        "text.jpg": b"\xff\xd8\xff\xe0 nor this",
        "bomb.png": bomb(),
        "nan.tif": nan.read_bytes(),
    }


@pytest.mark.parametrize(
    "name", ["missing.png", "empty.png", "truncated.png", "text.png", "text.jpg", "bomb.png", "nan.tif"]
)
def test_bad_images_are_refused(segment, out, tmp_path, name):
    if name != "missing.png":
        (tmp_path / name).write_bytes(bad_files(tmp_path)[name])
    status, err = segment(tmp_path / name, "--text", "left")
    assert status == 1 and err.startswith("error: ") and name in err and "Traceback" not in err
    assert listed(out) == []


def test_in_a_batch_the_good_are_done_and_the_bad_listed_at_the_end(segment, film, out, tmp_path):
    folder = tmp_path / "batch"
    folder.mkdir()
    for name, content in bad_files(tmp_path).items():
        (folder / name).write_bytes(content)
    film.rename(folder / "film.png")
    status, err = segment(folder, tmp_path / "missing.png", "--text", "left")
    assert status == 1 and "error: 1 done, 7 could not be segmented:\n" in err
    assert all(name in err for name in (*bad_files(tmp_path), "missing.png")) and "Traceback" not in err
    assert listed(out) == ["film.json", "film_mask.png", "film_overlay.png"]


def test_an_empty_folder_is_refused(segment, tmp_path):
    (tmp_path / "nothing").mkdir()
    status, err = segment(tmp_path / "nothing")
    assert status == 1 and "nothing" in err and "no images" in err


@pytest.mark.parametrize(
    ("text", "message"), [("", "blank"), ("  \t", "blank"), ("left " * 10_000, "10000"), ("a\udce4", "UTF-8")]
)
def test_bad_sentences_are_refused(segment, film, out, text, message):
    status, err = segment(film, "--text", text)
    assert status == 1 and err.startswith("error: ") and message in err
    assert len(err) < 1000  # the sentence is not poured out again
    assert listed(out) == []


def test_a_sentence_too_long_in_a_table_is_named_by_its_row(segment, film, out, tmp_path):
    (tmp_path / "asked.csv").write_text(f"image,text\nfilm.png,{'left ' * 80}\nfilm.png,left\n")
    status, err = segment(tmp_path / "asked.csv")
    assert status == 1 and "asked.csv, row 2" in err
    assert [n for n in listed(out) if n.endswith(".json")] == ["film_2.json"]


def one_byte(folder):
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def cut_short(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def unknown_key(folder):
    fakes.configure(folder, surprise=1)


def unknown_argument(folder):
    fakes.configure(folder, arguments={"surprise": 1})


def half_a_config(folder):
    path = folder / "config.json"
    path.write_text(path.read_text()[:40])


def no_weights(folder):
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize("damage", [one_byte, cut_short, unknown_key, unknown_argument, half_a_config, no_weights])
def test_damaged_models_are_refused(segment, film, out, sides_folder, damage):
    damage(sides_folder)
    status, err = segment(film, "--text", "left")
    assert status == 1 and err.startswith("error: ") and "sides" in err and "Traceback" not in err
    assert listed(out) == []


def test_a_model_that_is_not_there(film, out, capsys):
    assert main(["segment", str(film), "--model", "nowhere", "--output", str(out)]) == 1
    assert "nowhere" in capsys.readouterr().err
    assert main(["segment", str(film), "--model", str(film), "--output", str(out)]) == 1
    assert "is a file" in capsys.readouterr().err


def test_a_run_s_folder_stands_for_its_model(sides_folder, film, out, tmp_path):
    (tmp_path / "run").mkdir()
    sides_folder.rename(tmp_path / "run" / "model")
    assert main(["segment", str(film), "--model", str(tmp_path / "run"), "--output", str(out)]) == 0


def test_results_never_overwrite_an_input(sides_folder, tmp_path, capsys):
    image = tmp_path / "film_mask.png"
    for path in (image, tmp_path / "film.png"):
        Image.fromarray(spots()).save(path)
    before = image.read_bytes()
    arguments = ["segment", str(image), str(tmp_path / "film.png"), "--model", str(sides_folder)]
    assert main([*arguments, "--output", str(tmp_path)]) == 1
    assert "overwrite" in capsys.readouterr().err and image.read_bytes() == before


def test_an_output_that_is_a_file(sides_folder, film, tmp_path, capsys):
    (tmp_path / "taken").write_text("mine")
    arguments = ["segment", str(film), "--model", str(sides_folder), "--output"]
    assert main([*arguments, str(tmp_path / "taken")]) == 1
    assert "is a file" in capsys.readouterr().err
    assert main([*arguments, str(tmp_path / "taken" / "below")]) == 1
    assert "is a file" in capsys.readouterr().err
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_full_disk_leaves_nothing_half_written(segment, film, out, monkeypatch):
    fakes.fill_disk(monkeypatch, 2)
    status, err = segment(film, "--text", "left")
    assert status == 1 and "the disk is full" in err and "film_overlay.png" in err and "Traceback" not in err
    assert listed(out) == []


def test_a_link_that_leads_in_a_circle_is_one_bad_image_of_several(segment, film, out):
    loop = film.with_name("loop.png")
    loop.symlink_to("loop.png")
    status, err = segment(loop, film, "--text", "left")
    assert status == 1 and "1 done, 1 could not be segmented" in err and "loop.png: cannot be read" in err
    assert any(name.endswith("_mask.png") for name in listed(out))


@pytest.mark.skipif(not os.path.exists("/dev/shm") or os.geteuid() != 0, reason="needs root to mount a small disk")
def test_a_truly_full_disk(sides_folder, film, tmp_path, capsys):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        noise = np.random.default_rng(0).integers(0, 256, (400, 400), np.uint8)
        Image.fromarray(noise).save(film)
        status = main(["segment", str(film), "--model", str(sides_folder), "--output", str(disk)])
        err = capsys.readouterr().err
        assert status == 1 and "the disk is full" in err and "Traceback" not in err
        assert listed(disk) == []
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize(
    "arguments",
    [["--threshold", "1"], ["--threshold", "nan"], ["--spacing", "1"], ["--laterality", "up"], ["--tex", "a"]],
)
def test_impossible_options_are_usage_errors(film, arguments, capsys):
    assert main(["segment", str(film), "--output", "out", *arguments]) == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "option", "value", "expected"),
    [
        ("segment", "--threshold", "half", "expected a number between 0 and 1"),
        ("segment", "--spacing", "1,mm", "expected two numbers of millimetres"),
        ("segment", "--channel", "-1", "expected a whole number, counted from 0"),
        ("pacs find", "--attempts", "many", "expected a whole number of 1 or more"),
        ("pacs find", "--timeout", "0", "expected a number above 0"),
        ("pacs segment", "--threshold", "1e9", "expected a number between 0 and 1"),
    ],
)
def test_options_are_refused_in_words(command, option, value, expected, capsys):
    assert main([*command.split(), f"{option}={value}"]) == 2
    told = capsys.readouterr().err
    assert f"{value!r}: {expected}" in told and option in told


def test_an_impossible_device(segment, film):
    status, err = segment(film, "--device", "nonsense")
    assert status == 1 and "nonsense" in err


def test_the_process_exits_with_the_status_and_without_a_traceback(tmp_path):
    arguments = [sys.executable, "-m", "lexseg", "segment", "nowhere.png", "--text", " ", "--output", "out"]
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("error: --text is blank") and listed(tmp_path) == []
