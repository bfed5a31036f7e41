import pytest

from kept_apart import of_group
from lexseg.language.vocabulary import language_to_name, looks_foreign


@pytest.mark.parametrize(
    "text",
    [
        "Infiltrat im linken Unterlappen",
        "Keine Verschattung rechts.",
        "beidseitige Verschattungen",
        "Opacité du poumon gauche",
        "opacite\u0301s diffuses",  # decomposed
        "lobe inférieur, sans épanchement",
        "sin infiltrado en el pulmón derecho",
        "opacità del polmone sinistro",
        "infecção no lobo inferior esquerdo",
        "geen afwijkingen in de longen",
        "左下肺",
        "Затемнение в левом лёгком",
        "αλλοίωση στον αριστερό πνεύμονα",
    ],
)
def test_other_languages(text) -> None:
    assert looks_foreign(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42 %",
        "Opacity in the left lower zone; EL and IL lines, DOS 2024, MIT protocol",
        "Sjögren's disease, β-lactam allergy, 5 µm",
        "die-cut edges of one lesion in situ, et al.",
        "im looking for the opacity, van der Hoeve syndrome",
        "left pulmo, lobus inferior",
        "undertone of haze; resin; a single mass",  # und, sin within words
    ],
)
def test_english(text) -> None:
    assert not looks_foreign(text)


def test_wordings_kept_apart() -> None:
    told = [text for side in ("left", "right") for group in ("one_lung", "negation") for text in of_group(group)[side]]
    assert len(told) > 100
    assert [text for text in told if looks_foreign(text)] == []


@pytest.mark.parametrize(
    "text, language",
    [
        ("左下肺浸润", "zh"),
        ("肺炎", "zh"),
        ("lésion hépatique", "fr"),
        ("nódulo", "es"),
        ("Leber", "de"),
        ("気胸のある左肺", None),  # Japanese has Chinese letters
        ("Затемнение в левом лёгком", None),
        ("lung opacity", None),
        ("zyx wvu", None),
        ("RLL opacity", None),
        ("LE", None),
    ],
)
def test_a_language_is_told_by_the_lexicon_that_holds_what_no_english_one_does(text, language):
    assert language_to_name(text) == language
