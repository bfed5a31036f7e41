import json
import os
import string
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lexseg.cases.case import Case
from lexseg.cases.manifest import parse_manifest, read_manifest, read_manifests, write_manifest
from lexseg.cases.row import meant
from lexseg.errors import DataError


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "b.png", "m.png"):
        (tmp_path / name).write_bytes(b"never opened here")
    return tmp_path


def manifest(folder, content, name="cases.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def problems_of(path, **options):
    with pytest.raises(DataError) as caught:
        read_manifest(path, **options)
    return str(caught.value)


def test_every_column(folder):
    path = manifest(
        folder,
        "id,image,mask,split,patient,laterality,language,spacing,weight,label,text,site\n"
        'one,a.png,m.png,val,P1,patient,en,"0.5,0.25",2.5,3,Left lung,Geneva\n'
        "two,b.png,,,,,,,,,,\n",
    )
    one, two = read_manifest(path)
    assert one == Case(
        id="one",
        image=folder / "a.png",
        texts=("Left lung",),
        mask=folder / "m.png",
        split="val",
        patient="P1",
        laterality="patient",
        language="en",
        spacing=(0.5, 0.25),
        weight=2.5,
        label=3,
        extra={"site": "Geneva"},
        source=path,
        row=2,
    )
    assert two == Case(id="two", image=folder / "b.png", extra={"site": ""}, source=path, row=3)


def test_jsonl(folder):
    rows = [
        {"id": 7, "image": "a.png", "mask": None, "spacing": [1, 2], "text": ["one", "", "two"], "tags": {"x": [1]}},
        {"id": "b", "image": "b.png", "weight": 0.5, "label": 2, "text": "Zeile\u2028zwei"},
    ]
    path = manifest(folder, "\n" + "\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "cases.jsonl")
    first, second = read_manifest(path)
    assert (first.id, first.spacing, first.texts, first.row) == ("7", (1, 2), ("one", "two"), 2)
    assert first.extra == {"tags": '{"x": [1]}'}
    assert (second.weight, second.label, second.row) == (0.5, 2, 4)
    assert second.text == "Zeile\u2028zwei"


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_byte_order_mark_line_ends_and_quotes(folder, bom, end):
    lines = ["id,image,text", '"1",a.png,"Opacity, left; ""ground glass"" — ü"', "2,b.png,", ""]
    one, two = read_manifest(manifest(folder, bom + end.join(line.encode() for line in lines)))
    assert (one.id, one.text, one.row) == ("1", 'Opacity, left; "ground glass" — ü', 2)
    assert (two.text, two.row) == ("", 3)


def test_rows_are_counted_as_an_editor_does(folder):
    path = manifest(folder, 'id,image,text\n\n1,a.png,"two\nlines"\n,,\n2,b.png,x\n')
    assert [case.row for case in read_manifest(path)] == [3, 6]


def test_all_problems_at_once(folder):
    path = manifest(
        folder,
        "id,image,mask,split,laterality,spacing,weight,label\n"
        ",a.png,,,,,,\n"
        "2,,,,,,,\n"
        "3,gone.png,lost.png,training,both,1,-1,1.5\n"
        '4,a.png,,,,"1,nan",inf,\n'
        "5,a.png\n"
        "6,b.png,,,,,,\n"
        "6,b.png,,,,,,\n",
    )
    parsed = parse_manifest(path)
    assert [(p.row, p.column) for p in parsed.problems] == [
        (2, "id"),
        (3, "image"),
        *[(4, c) for c in ("image", "mask", "split", "laterality", "spacing", "weight", "label")],
        (5, "spacing"),
        (5, "weight"),
        (6, None),
        (8, "id"),
    ]
    assert [case.id for case in parsed.cases] == ["6"]
    message = problems_of(path)
    assert "13 problems" in message
    for line in (
        f"{path}, row 4, column image: there is no file 'gone.png'",
        "'training' is none of train, val, test; did you mean train?",
        "2 fields, but the header names 8; a sentence that holds a comma must stand in quotation marks",
        "id '6' is also that of row 7",
    ):
        assert line in message


@pytest.mark.parametrize(
    ("written", "guess"),
    [
        *[
            ("Training", "train"),
            ("VAL", "val"),
            ("valid", "val"),
            ("dev", "val"),
            ("Testing", "test"),
            ("tset", "test"),
        ],
        *[("later", None), ("t", None), ("0", None)],
    ],
)
def test_a_value_that_is_near_one_of_those_expected_is_guessed(written, guess):
    assert meant(written, ("train", "val", "test")) == guess


class TestPaths:
    def read(self, folder, image):
        return parse_manifest(manifest(folder, json.dumps({"id": "1", "image": image}), "cases.jsonl"))

    @pytest.fixture
    def inside(self, folder):
        (folder / "set/sub").mkdir(parents=True)
        (folder / "set/in.png").write_bytes(b"")
        return folder / "set"

    @pytest.mark.parametrize("image", ["../a.png", "sub/../../a.png", "..", "x/../../a.png", "..\\a.png"])
    def test_may_not_climb_out(self, inside, image):
        (problem,) = self.read(inside, image).problems
        assert "leads out of the manifest's folder" in problem.message
        assert (problem.row, problem.column) == (1, "image")

    def test_a_folder_is_no_file(self, inside):
        (problem,) = self.read(inside, "sub").problems
        assert problem.message == "'sub' is a folder, and a file was expected"

    def test_absolute_outside(self, inside, folder):
        (problem,) = self.read(inside, str(folder / "a.png")).problems
        assert "leads out" in problem.message

    def test_links_may_not_escape(self, inside, folder):
        (inside / "link.png").symlink_to(folder / "a.png")
        (inside / "way").symlink_to(folder, target_is_directory=True)
        (inside / "here.png").symlink_to(inside / "in.png")
        assert "leads out" in self.read(inside, "link.png").problems[0].message
        assert "leads out" in self.read(inside, "way/a.png").problems[0].message
        assert self.read(inside, "here.png").cases[0].image == inside / "in.png"

    def test_ways_to_stay_in(self, inside):
        for image in ("in.png", "./in.png", "sub/../in.png", "sub\\..\\in.png", str(inside / "in.png"), " in.png "):
            (case,) = self.read(inside, image).cases
            assert case.image == inside / "in.png", image

    def test_a_manifest_is_found_by_a_relative_path(self, inside, monkeypatch):
        path = manifest(inside, "id,image\n1,in.png\n")
        monkeypatch.chdir(inside / "sub")
        (case,) = read_manifest(Path("../cases.csv"))
        assert case.image == inside / "in.png"
        assert case.source == Path("../cases.csv")
        assert read_manifest(str(path))[0].image == case.image

    @pytest.mark.parametrize(
        "image", ["sub", "no/in.png", "in.png/x", "a\0b", "a\nb", "x" * 5000, "~/in.png", ".", "/"]
    )
    def test_no_file(self, inside, image):
        (problem,) = self.read(inside, image).problems
        assert problem.column == "image"

    def test_a_loop_of_links(self, inside):
        (inside / "loop").symlink_to(inside / "loop")
        assert self.read(inside, "loop/a.png").problems[0].column == "image"
        assert self.read(inside, "loop").problems[0].column == "image"

    @given(parts=st.lists(st.sampled_from(["..", ".", "sub", "in.png", "", "/", "\\", "way"]), max_size=6))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
    def test_what_is_read_is_inside(self, inside, folder, parts):
        if not (inside / "way").exists():
            (inside / "way").symlink_to(folder, target_is_directory=True)
        for case in self.read(inside, "/".join(parts)).cases:
            assert os.path.realpath(case.image).startswith(str(inside) + os.sep)


class TestNotAManifest:
    @pytest.mark.parametrize(
        ("content", "word"),
        [
            (b"", "empty"),
            (b"\xef\xbb\xbf", "empty"),
            (b" \n\n", "empty"),
            (b"id,image\n", "holds no cases"),
            ("id,image\n1,a.png".encode("utf-16"), "UTF-16"),
            (b"id,image,text\n1,a.png,\xe9t\xe9\n", "0xe9 is not UTF-8"),
            (b"PK\x03\x04\x14\0", "spreadsheet"),
            (b"id,image\n1,a.png\0\n", "NUL"),
            (b"name;image;text\n1;a.png;x\n", "lacks 'id'; it names 'name', 'image', 'text': rename"),
            (b"name\tpicture\n1\ta.png\n", "lacks 'id' and 'image'; it names 'name', 'picture': rename"),
            (b"Image,Description\na.png,x\n", "lacks 'id'; it names 'Image', 'Description': rename"),
            (b"id|image\n1|a.png\n", "it names 'id|image': separate the columns by commas, semicolons or tabs"),
            (b"sep=;\nid;image\n1;a.png\n", "it names 'sep=', '': remove this line"),
            (b"id,image,text,text\n1,a.png,x,y\n", "'text' twice"),
            (b'id,image,text\n1,a.png,"never closed\n2,b.png,x\n', "quotation mark"),
            (b'id,image,text\n1,a.png,"closed" too early\n', "quotation mark"),
            (b"id,image,text\n1,a.png," + b"x" * 200_000, "cannot be read"),
        ],
    )
    def test_csv(self, folder, content, word):
        assert word in problems_of(manifest(folder, content))

    def test_a_folder(self, folder):
        assert "name the table in it" in problems_of(folder)

    @pytest.mark.parametrize(
        ("line", "word"),
        [
            ("{", "not JSON"),
            ("[1]", "JSON object"),
            ("[" * 100_000, "not JSON"),
            ('{"id": "1", "id": "2", "image": "a.png"}', "twice"),
            ('{"id": true, "image": "a.png"}', "expected text"),
            ('{"id": "1", "image": ["a.png"]}', "expected text"),
            ('{"id": "1", "image": "a.png", "text": 5}', "expected a sentence"),
            ('{"id": "1", "image": "a.png", "text": {"a": 1}}', "expected a sentence"),
            ('{"id": "1", "image": "a.png", "spacing": "wide"}', "millimetres"),
            ('{"id": "1", "image": "a.png", "spacing": [1, {}]}', "millimetres"),
            ('{"id": "1", "image": "a.png", "weight": NaN}', "number of 0 or more"),
            ('{"id": "a\\nb", "image": "a.png"}', "control characters"),
        ],
    )
    def test_jsonl(self, folder, line, word):
        message = problems_of(manifest(folder, line, "cases.jsonl"))
        assert word in message
        assert "row 1" in message

    def test_missing_or_a_folder(self, tmp_path):
        assert "no such file" in problems_of(tmp_path / "no.csv")
        assert "cannot be read" in problems_of(tmp_path)


class TestTextColumns:
    @pytest.fixture
    def path(self, folder):
        return manifest(folder, "id,image,text,short\n1,a.png,long one,one\n2,b.png, ,two\n3,b.png,same,same\n")

    def test_any_column(self, path):
        assert [case.texts for case in read_manifest(path, text_columns=["short"])] == [("one",), ("two",), ("same",)]
        assert read_manifest(path, text_columns=["short"])[0].extra == {"text": "long one"}

    def test_several_leave_out_blanks_and_repeats(self, path):
        texts = [case.texts for case in read_manifest(path, text_columns=["text", "short"])]
        assert texts == [("long one", "one"), ("two",), ("same",)]

    def test_a_column_that_does_not_exist(self, path):
        message = problems_of(path, text_columns=["text", "shrot"])
        assert "column shrot: there is no such column; there are 'id', 'image', 'text', 'short'" in message

    def test_without_text_the_sentence_is_null(self, folder):
        (case,) = read_manifest(manifest(folder, "id,image\n1,a.png\n"))
        assert case.texts == ("",)


class TestSeveral:
    @pytest.fixture
    def sets(self, tmp_path):
        paths = []
        for name in ("x/cxr", "x/ct", "y/ct"):
            folder = tmp_path / name
            folder.mkdir(parents=True)
            (folder / "a.png").write_bytes(b"")
            paths.append(manifest(folder, "id,image,patient,text\n1,a.png,P,t\n"))
        return paths

    def test_ids_and_patients_are_kept_apart(self, sets):
        cases = read_manifests(sets)
        assert [case.id for case in cases] == ["cxr/1", "x/ct/1", "y/ct/1"]
        assert [case.patient for case in cases] == ["cxr/P", "x/ct/P", "y/ct/P"]

    def test_one_keeps_its_names(self, sets):
        assert [(case.id, case.patient) for case in read_manifests(sets[:1])] == [("1", "P")]

    def test_of_one_folder_patients_are_the_same_and_ids_must_differ(self, sets):
        folder = sets[0].parent
        more = manifest(folder, "id,image,patient\n2,a.png,P\n", "more.csv")
        assert [(c.id, c.patient) for c in read_manifests([sets[0], more])] == [("cxr/1", "cxr/P"), ("cxr/2", "cxr/P")]
        manifest(folder, "id,image,patient\n1,a.png,P\n", "more.csv")
        with pytest.raises(DataError, match=r"more\.csv, row 2, column id: id '1' is also that of .*cases\.csv, row 2"):
            read_manifests([sets[0], more])

    def test_a_text_column_must_be_in_one_of_them(self, sets, folder):
        other = manifest(folder, "id,image,short\n1,a.png,s\n")
        assert read_manifests([sets[0], other], text_columns=["short"])[1].text == "s"
        with pytest.raises(DataError, match="'short'"):
            read_manifests([sets[0], other], text_columns=["long"])

    def test_none(self):
        with pytest.raises(DataError, match="no manifest"):
            read_manifests([])

    def test_problems_of_all_are_told(self, sets):
        for path in sets[:2]:
            path.write_text("id,image\n1,gone.png\n")
        with pytest.raises(DataError, match="2 problems"):
            read_manifests(sets)


WORDS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs")) | st.sampled_from(" ,\"';"), max_size=20
)
NAMES = st.text(string.ascii_letters + "äß_-. /", min_size=1, max_size=8).map(str.strip).filter(bool)


@st.composite
def cases(draw, folder):
    return Case(
        id=draw(NAMES),
        image=folder / "a.png",
        texts=tuple(dict.fromkeys(w for w in draw(st.lists(WORDS.map(str.strip), max_size=3)) if w)) or ("",),
        mask=draw(st.sampled_from([None, folder / "m.png"])),
        split=draw(st.sampled_from([None, "train", "val", "test"])),
        patient=draw(st.none() | NAMES),
        laterality=draw(st.sampled_from([None, "image", "patient"])),
        language=draw(st.sampled_from([None, "en"])),
        spacing=draw(st.none() | st.tuples(*[st.floats(1e-3, 1e3)] * 2)),
        weight=draw(st.floats(0, 1e6)),
        label=draw(st.none() | st.integers(0, 65535)),
        extra=draw(st.dictionaries(st.sampled_from(["site", "age"]), WORDS)),
    )


@pytest.mark.parametrize("name", ["cases.csv", "cases.jsonl"])
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_what_is_written_is_read(folder, name, data):
    written = data.draw(st.lists(cases(folder), min_size=1, max_size=4, unique_by=lambda case: case.id))
    write_manifest(folder / name, written)
    columns = ["text"] + [f"text_{k}" for k in range(2, 1 + max(len(case.texts) for case in written))]
    read = [replace(case, source=None, row=None) for case in read_manifest(folder / name, text_columns=columns)]
    if name.endswith("csv"):  # a table has every column in every row
        names = {key for case in written for key in case.extra}
        written = [replace(case, extra={**dict.fromkeys(names, ""), **case.extra}) for case in written]
    assert [replace(case, extra=dict(case.extra)) for case in read] == written


class TestWrite:
    def test_outside_files_are_refused(self, folder, tmp_path_factory):
        with pytest.raises(DataError, match="lies outside"):
            write_manifest(tmp_path_factory.mktemp("other") / "cases.csv", [Case("1", folder / "a.png")])

    def test_an_old_manifest_survives_a_failure(self, folder, monkeypatch):
        path = manifest(folder, "old")

        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            write_manifest(path, [Case("1", folder / "a.png")])
        assert path.read_text() == "old"
        assert sorted(p.name for p in folder.iterdir()) == ["a.png", "b.png", "cases.csv", "m.png"]

    def test_a_column_is_not_written_twice(self, folder):
        with pytest.raises(ValueError, match="'text' is written twice"):
            write_manifest(folder / "cases.csv", [Case("1", folder / "a.png", ("x",), extra={"text": "y"})])


def test_real_manifests(data_root):
    expected = {"qata_covid19": 7139, "polyp_kvasir": 898, "breast_us_birads": 252, "busi_subset": 149, "covid_ct": 150}
    paths = [data_root / name / "cases.csv" for name in expected]
    cases = read_manifests(paths)
    assert len(cases) == len({case.id for case in cases}) == sum(expected.values())
    assert all(case.image.is_file() and case.mask is not None and case.text for case in cases)
    assert cases[0].id == "qata_covid19/covid_0001"
