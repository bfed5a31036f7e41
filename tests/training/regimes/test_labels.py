"""Who keeps a mask."""

from dataclasses import replace
from pathlib import Path

import pytest

from lexseg.cases.manifest import read_manifest
from lexseg.errors import ConfigError, DataError
from lexseg.training.config import DataConfig, RegimeConfig, TrainConfig, TrainerConfig
from lexseg.training.prepare import read_cases
from lexseg.training.regimes.labels import labelled, unlabelled, with_labels, write_labelled
from lexseg.training.settings import check

from ..conftest import read_rows, write_rows, write_set


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return write_set(tmp_path / "set", n=16, train=12)


def config(
    manifest: Path, *, words: str = "auto", phrase: str = "", method: str = "unet", **data: object
) -> TrainConfig:
    return TrainConfig(
        method=method,
        data=DataConfig(cases=str(manifest), **data),  # type: ignore[arg-type]
        regime=RegimeConfig(kind="mean-teacher", words=words, phrase=phrase),  # type: ignore[arg-type]
        trainer=TrainerConfig(steps=4, epochs=1),
    )


def ids(cases) -> set[str]:
    return {case.id for case in cases}


def test_a_number_a_share_and_a_list(manifest: Path, tmp_path: Path) -> None:
    for labels, number in ((5, 5), ("5", 5), (0.25, 3), ("0.25", 3), ("1.0", 12)):
        cases = with_labels(read_manifest(manifest), DataConfig(labels=labels))
        assert len(labelled(cases)) == number and len(unlabelled(cases)) == 12 - number
        assert all(case.mask is not None for case in cases if case.split == "val")
    cases = with_labels(read_manifest(manifest), DataConfig(labels=4))
    write_labelled(tmp_path, cases)
    again = with_labels(read_manifest(manifest), DataConfig(labels=str(tmp_path / "labelled.txt"), labels_seed=9))
    assert ids(labelled(again)) == ids(labelled(cases))


def test_the_draw_is_the_seeds_and_fewer_labels_are_among_more(manifest: Path) -> None:
    cases = read_manifest(manifest)
    drawn = {(n, seed): ids(labelled(with_labels(cases, DataConfig(labels=n, labels_seed=seed))))
             for n in (3, 6) for seed in range(4)}  # fmt: skip
    assert drawn[3, 0] == ids(labelled(with_labels(cases[::-1], DataConfig(labels=3))))
    assert len({frozenset(drawn[3, seed]) for seed in range(4)}) > 1
    assert all(drawn[3, seed] < drawn[6, seed] for seed in range(4))


def test_patients_stay_together(manifest: Path) -> None:
    rows = read_rows(manifest)
    write_rows(manifest, [row | {"patient": f"p{i // 3}" if i < 12 else "v"} for i, row in enumerate(rows)])
    cases = with_labels(read_manifest(manifest), DataConfig(labels=7))
    assert len(labelled(cases)) == 6  # two patients of three; a third would be nine
    assert not {c.patient for c in labelled(cases)} & {c.patient for c in unlabelled(cases)}
    with pytest.raises(ConfigError, match="every patient has 3 cases or more"):
        with_labels(read_manifest(manifest), DataConfig(labels=2))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (13, "13 of 12 training cases with a mask"),
        ("0", "0 of 12"),
        ("1.5", "above 0 and up to 1"),
        ("few", "a number of cases, a share such as 0.1, or a text file"),
    ],
)
def test_labels_that_cannot_be(manifest: Path, labels: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        with_labels(read_manifest(manifest), DataConfig(labels=labels))  # type: ignore[arg-type]


def test_labels_named_that_do_not_exist(manifest: Path, tmp_path: Path) -> None:
    listed = tmp_path / "ids.txt"
    listed.write_text("c0\nc99\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"1 of 2 ids are no training case with a mask.*\nline 2: 'c99'"):
        with_labels(read_manifest(manifest), DataConfig(labels=str(listed)))


def test_masks_of_unlabelled_cases_need_not_be_there(manifest: Path) -> None:
    settings = config(manifest, labels=4)
    before = read_cases(settings)
    for case in read_manifest(manifest):
        if case.split == "train" and case.id not in ids(labelled(before)):
            assert case.mask is not None
            case.mask.unlink()
    assert read_cases(settings) == before
    kept = labelled(before)[0].mask
    assert kept is not None
    kept.unlink()
    with pytest.raises(DataError, match=r"row .*: mask: there is no file"):
        read_cases(settings)
    with pytest.raises(DataError, match="there is no file"):
        read_cases(replace(settings, data=replace(settings.data, labels="")))


def test_blank_masks_are_unlabelled_and_refused_without_a_regime(manifest: Path) -> None:
    write_rows(manifest, [row | {"mask": row["mask"] if i % 2 else ""} if i < 12 else row
                          for i, row in enumerate(read_rows(manifest))])  # fmt: skip
    cases = read_cases(config(manifest))
    assert (len(labelled(cases)), len(unlabelled(cases))) == (6, 6)
    with pytest.raises(DataError, match="training needs a mask for every case"):
        read_cases(replace(config(manifest), regime=RegimeConfig()))
    alone = read_cases(replace(config(manifest), regime=RegimeConfig(kind="supervised")))
    assert not unlabelled(alone) and len(labelled(alone)) == 6


def test_a_further_manifest_gives_images_and_words_alone(manifest: Path, tmp_path: Path) -> None:
    more = write_set(tmp_path / "more", n=6, train=4, seed=1)
    for mask in (tmp_path / "more/masks").iterdir():
        mask.unlink()
    cases = read_cases(config(manifest, unlabelled=str(more), method="tmca"))
    blank = unlabelled(cases)
    assert ids(blank) == {f"unlabelled/more/c{i}" for i in range(4)}
    assert all(case.mask is None and case.text for case in blank) and len(labelled(cases)) == 12


def test_who_validates_is_no_unlabelled_patient(manifest: Path) -> None:
    rows = read_rows(manifest)
    write_rows(manifest.with_name("blank.csv"), [rows[0] | {"id": "x", "mask": "", "patient": rows[-1]["patient"]}])
    with pytest.raises(DataError, match="patient"):
        read_cases(config(manifest, unlabelled=str(manifest.with_name("blank.csv"))))


def test_words_of_unlabelled_images(manifest: Path) -> None:
    def texts(**settings: object) -> set[tuple[str, ...]]:
        cases = read_cases(config(manifest, labels=4, **settings))  # type: ignore[arg-type]
        assert all(case.text for case in labelled(cases))
        return {case.texts for case in unlabelled(cases)}

    own = {("the bright square on the left",), ("the bright square on the right",)}
    assert texts(method="tmca") == texts(method="tmca", words="own") == own
    assert texts(method="unet") == texts(method="tmca", words="none") == {("",)}
    assert texts(method="tmca", words="class", phrase="square") == {("square",)}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labels": 4, "words": "own"}, "the model reads no words"),
        ({}, "there are none: leave 'mask' blank"),
        ({"labels": 4, "words": "class", "method": "tmca"}, "regime.phrase is empty"),
    ],
)
def test_regimes_that_cannot_be(manifest: Path, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_cases(config(manifest, **settings))  # type: ignore[arg-type]


def test_unlabelled_cases_without_any_sentence_have_no_own_words(manifest: Path) -> None:
    write_rows(manifest, [row | {"text": ""} for row in read_rows(manifest)])
    with pytest.raises(ConfigError, match="none of 8 unlabelled cases has a sentence"):
        read_cases(config(manifest, labels=4, words="own", method="tmca"))


def test_settings_that_cannot_be(manifest: Path) -> None:
    good = config(manifest, labels=4)
    check(good)
    for settings, message in (
        (replace(good, trainer=TrainerConfig()), r"trainer\.steps is 0; the length of a run"),
        (replace(good, regime=RegimeConfig(kind="mean-teecher")), "one of none, supervised, mean-teacher"),
        (replace(good, regime=RegimeConfig(), data=replace(good.data, unlabelled="x.csv")), "a regime that reads it"),
        (replace(good, regime=replace(good.regime, ramp=2.0)), r"regime\.ramp is 2\.0"),
    ):
        with pytest.raises(ConfigError, match=message):
            check(settings)
