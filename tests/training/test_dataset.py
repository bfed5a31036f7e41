"""Cases as samples and batches."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from lexseg.cases.case import Case
from lexseg.cases.manifest import read_manifest
from lexseg.cases.truth import Truth, truth_of
from lexseg.encoders.text.batch import TextBatch
from lexseg.errors import DataError
from lexseg.language.sides import mirror_words
from lexseg.models.inputs import image_tensor, resize_image
from lexseg.models.place import ImagePlace
from lexseg.scans.images import read_image
from lexseg.scans.masks import read_mask
from lexseg.training.augment import AugmentConfig, AugmentParameters, augment_mask
from lexseg.training.dataset import CaseDataset, Sample, _present, collate

STILL = AugmentConfig(0, 0, (1, 1), 0, 0, 0, 0, (1, 1), (1, 1), 0, 0, 0)
SIZE = (64, 64)


def made_case(folder: Path, **changes: object) -> Case:
    """An image that is bright on the left, where its mask is."""
    pixels = np.full((40, 60), 40, np.uint8)
    pixels[10:30, 5:20] = 220
    Image.fromarray(pixels).save(folder / "image.png")
    Image.fromarray(((pixels > 100) * 255).astype(np.uint8)).save(folder / "mask.png")
    case = Case("a", folder / "image.png", ("left lesion",), folder / "mask.png")
    return replace(case, **changes)  # type: ignore[arg-type]


def same(one: Sample, other: Sample) -> bool:
    tensors = zip((one.image, one.mask, one.valid), (other.image, other.mask, other.valid), strict=True)
    return one.text == other.text and all(torch.equal(a, b) for a, b in tensors)


@pytest.mark.data
def test_mirrored_words_go_with_mirrored_pixels(data_root: Path) -> None:
    """On real chest films: the mask is mirrored if, and only if, the sentence says the other side."""
    cases = [c for c in read_manifest(data_root / "qata_covid19" / "cases.csv") if "left" in c.text][:6]
    cases = [c for c in cases if mirror_words(c.text, "horizontal") != c.text]
    assert cases
    seen = set()
    for case in cases:
        mask = torch.from_numpy(read_mask(case.mask)).float()[None]  # type: ignore[arg-type]
        image = resize_image(image_tensor(read_image(case.image)), (224, 224))
        assert mask.shape == (1, 224, 224)
        for seed in range(3):
            sample = CaseDataset([case], (224, 224), augment=replace(STILL, mirror=0.5), seed=seed)[0]
            swapped = sample.text != case.text
            seen.add(swapped)
            assert sample.text == (mirror_words(case.text, "horizontal") if swapped else case.text)
            assert torch.equal(sample.mask, mask.flip(-1) if swapped else mask)
            torch.testing.assert_close(sample.image, image.flip(-1) if swapped else image, atol=1e-4, rtol=0)
    assert seen == {True, False}


def test_sample_is_a_function_of_seed_epoch_and_id(tmp_path: Path) -> None:
    case = made_case(tmp_path)
    config = AugmentConfig()
    first = CaseDataset([case], SIZE, augment=config, seed=1, epoch=2)[0]
    torch.manual_seed(0)
    assert same(CaseDataset([replace(case, id="b"), case], SIZE, augment=config, seed=1, epoch=2)[1], first)
    for seed, epoch, name in ((0, 2, "a"), (1, 1, "a"), (1, 2, "b")):
        other = CaseDataset([replace(case, id=name)], SIZE, augment=config, seed=seed, epoch=epoch)[0]
        assert not torch.equal(other.image, first.image)


def test_workers_change_nothing(tmp_path: Path) -> None:
    case = made_case(tmp_path)
    dataset = CaseDataset([replace(case, id=str(i)) for i in range(5)], SIZE, augment=AugmentConfig(), seed=1)

    def read(workers: int) -> list[Sample]:
        loader = DataLoader(dataset, batch_size=2, num_workers=workers, collate_fn=list)
        return [sample for batch in loader for sample in batch]

    assert all(same(a, b) for a, b in zip(read(0), read(2), strict=True))


def test_repeated_case_is_augmented_anew(tmp_path: Path) -> None:
    case = made_case(tmp_path)
    twice = CaseDataset([case, case], SIZE, augment=AugmentConfig(), seed=0)
    assert not torch.equal(twice[0].image, twice[1].image)
    assert same(twice[0], CaseDataset([case], SIZE, augment=AugmentConfig(), seed=0)[0])


def test_validation_keeps_the_mask_at_its_own_size(tmp_path: Path) -> None:
    case = made_case(tmp_path, texts=("left lesion", "another wording"))
    sample = CaseDataset([case], SIZE)[0]
    assert sample.image.shape == (1, *SIZE)
    assert sample.mask.shape == sample.valid.shape == (1, 40, 60)
    assert sample.text == "left lesion"
    assert sample.valid.all()
    assert float(sample.mask.sum()) == 20 * 15


def test_wordings_are_sampled_from_and_empty_ones_left_out(tmp_path: Path) -> None:
    case = made_case(tmp_path, texts=("one", "", "two"))
    texts = {CaseDataset([case], SIZE, augment=STILL, epoch=epoch)[0].text for epoch in range(30)}
    assert texts == {"one", "two"}
    assert CaseDataset([made_case(tmp_path, texts=("",))], SIZE, augment=STILL)[0].text == ""


def test_label_names_the_foreground(tmp_path: Path) -> None:
    case = made_case(tmp_path)
    values = np.zeros((40, 60), np.uint8)
    values[:5], values[5:7] = 1, 2
    Image.fromarray(values).save(tmp_path / "mask.png")
    assert float(CaseDataset([replace(case, label=2)], SIZE)[0].mask.sum()) == 2 * 60


def test_case_without_mask_is_named(tmp_path: Path) -> None:
    case = made_case(tmp_path, mask=None, source=tmp_path / "cases.csv", row=7)
    with pytest.raises(DataError, match=r"needs a mask .*\n.*cases\.csv, row 7"):
        CaseDataset([case], SIZE)


def test_mask_of_another_size_is_refused_with_its_row(tmp_path: Path) -> None:
    case = made_case(tmp_path, source=tmp_path / "cases.csv", row=3)
    Image.fromarray(np.zeros((40, 50), np.uint8)).save(tmp_path / "mask.png")
    with pytest.raises(DataError, match=r"cases\.csv, row 3: the image is 60 x 40 pixels, but its mask 50 x 40"):
        CaseDataset([case], SIZE)[0]


def test_damaged_image_is_refused_with_its_row(tmp_path: Path) -> None:
    case = made_case(tmp_path, source=tmp_path / "cases.csv", row=3)
    case.image.write_bytes(case.image.read_bytes()[:60])
    with pytest.raises(DataError, match=r"cases\.csv, row 3: .*image\.png"):
        CaseDataset([case], SIZE)[0]


def encoded(texts: list[str | None]) -> TextBatch:
    null = torch.tensor([t is None for t in texts])
    return TextBatch(~null[:, None], torch.arange(len(texts)), null, states=torch.zeros(len(texts), 1, 4))


def test_batch(tmp_path: Path) -> None:
    gray = made_case(tmp_path, weight=2.5)
    colour = made_case(tmp_path, id="b", texts=("",), image=tmp_path / "colour.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)).save(colour.image)
    dataset = CaseDataset([gray, colour], SIZE, augment=replace(STILL, zoom=(0.5, 0.5)))
    batch = collate([dataset[0], dataset[1]], encoded)  # type: ignore[arg-type]
    assert batch.ids == ("a", "b")
    assert batch.image.shape == (2, 3, *SIZE)
    assert torch.equal(batch.image[0, 0], batch.image[0, 2])
    assert not torch.equal(batch.image[1, 0], batch.image[1, 2])
    assert batch.text.is_null.tolist() == [False, True]
    assert batch.target.weight is not None
    assert batch.target.weight.tolist() == [2.5, 1.0]
    assert batch.target.valid is not None
    assert batch.target.valid.dtype == torch.bool
    assert int(batch.target.valid[0].sum()) == 32 * 32


def test_dropped_sentence_is_the_null_sentence(tmp_path: Path) -> None:
    sample = CaseDataset([made_case(tmp_path)], SIZE, augment=replace(STILL, drop_text=1.0))[0]
    assert sample.text == ""
    assert collate([sample], encoded).text.is_null.all()  # type: ignore[arg-type]


def test_words_are_disturbed_after_the_mirror(tmp_path: Path) -> None:
    """A side word that is misspelt is no longer known for one: swapped first, the sentence stays true."""
    case = made_case(tmp_path, texts=("lesion on the left",))
    config = replace(STILL, mirror=0.5, typos=1.0)
    heard, sides = set(), set()
    for epoch in range(40):
        sample = CaseDataset([case], SIZE, augment=config, epoch=epoch)[0]
        on_the_left = bool(sample.mask[0, :, :32].any())
        assert sample.plain == f"lesion on the {'left' if on_the_left else 'right'}"
        heard.add(sample.text)
        sides.add(on_the_left)
    assert sides == {True, False}
    assert len(heard) > 20 and "lesion on the left" not in heard
    assert not heard & {sample.plain}


def test_other_words_are_a_function_of_seed_epoch_and_id(tmp_path: Path) -> None:
    case = made_case(tmp_path, texts=("opacity in the left lower lung zone",))
    config = replace(STILL, paraphrase=1.0)

    def heard(epoch: int) -> str:
        return CaseDataset([case], SIZE, augment=config, epoch=epoch)[0].text

    assert [heard(e) for e in range(10)] == [heard(e) for e in range(10)]
    assert len({heard(e) for e in range(10)}) > 3
    none = [CaseDataset([case], SIZE, augment=STILL, epoch=e)[0] for e in range(5)]
    assert {s.text for s in none} == {s.plain for s in none} == {case.text}


def test_rows_with_and_without_instances_in_one_batch(tmp_path: Path) -> None:
    instances = np.zeros((40, 60), np.uint8)
    instances[5:15, 5:15], instances[5:15, 40:50] = 1, 2
    Image.fromarray(instances).save(tmp_path / "instances.png")
    plain = made_case(tmp_path)
    named = replace(plain, id="b", mask=tmp_path / "instances.png", target_ids=(2,), expression_kind="one")
    absent = replace(named, id="c", target_ids=(), expression_kind="none")
    dataset = CaseDataset([plain, named, absent], SIZE, augment=STILL)
    target = collate([dataset[i] for i in range(3)], encoded).target  # type: ignore[arg-type]
    assert target.others is not None and target.present is not None
    assert target.present.tolist() == [1, 1, 0]
    assert [bool(o.any()) for o in target.others] == [False, True, True]
    assert [bool(m[0, :, 32:].any()) for m in target.mask] == [False, True, False]
    assert bool(target.others[1, 0, :, :32].any()) and not bool(target.others[1, 0, :, 32:].any())
    assert not (target.mask.bool() & target.others.bool()).any()
    alone = collate([dataset[0]], encoded).target  # type: ignore[arg-type]
    assert alone.others is None


@pytest.mark.parametrize(("shift", "expected"), [(0.0, 1.0), (0.15, 1.0), (0.32, float("nan")), (0.9, float("nan"))])
def test_present_while_a_tenth_is_in_view(tmp_path: Path, shift: float, expected: float) -> None:
    """The lesion takes columns 5 to 20 of 60: a shift by 0.15 leaves about a half of it, by 0.32 a twentieth or so."""
    case = made_case(tmp_path)
    parameters = AugmentParameters(shift=(0.0, shift))
    moved = augment_mask(torch.from_numpy(read_mask(case.mask)).float()[None], parameters, SIZE)[0]  # type: ignore[arg-type]
    share = float(moved.mean() / CaseDataset([case], SIZE)[0].mask.mean())
    place = ImagePlace.of((40, 60), SIZE, "stretch")
    present = _present(truth_of(case), moved, parameters, place)
    assert np.isnan(present) == (share <= 0.1) == np.isnan(expected)
    assert _present(Truth(np.zeros((40, 60), bool), present=False), moved, parameters, place) == 0.0
