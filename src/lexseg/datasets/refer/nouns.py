"""What targets are called: words without a plural ("consolidation"), and words with one ("opacity", "opacities")."""

from dataclasses import dataclass

Count = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Nouns:
    """The names of one kind of target.

    Attributes:
        mass: names without a plural; they say nothing of the number.
        count: singular and plural.
    """

    mass: tuple[str, ...]
    count: tuple[Count, ...]


NOUNS = {
    "chest": Nouns(
        mass=(
            "infection",
            "consolidation",
            "airspace disease",
            "opacification",
            "pneumonia",
            "airspace opacification",
            "infiltration",
            "pulmonary infection",
            "patchy opacification",
            "shadowing",
            "disease",
            "lung disease",
            "pathology",
            "inflammation",
            "airspace change",
            "COVID-19 pneumonia",
        ),
        count=(
            ("opacity", "opacities"),
            ("infiltrate", "infiltrates"),
            ("lesion", "lesions"),
            ("infected area", "infected areas"),
            ("airspace opacity", "airspace opacities"),
            ("area of infection", "areas of infection"),
            ("focus of infection", "foci of infection"),
            ("area of consolidation", "areas of consolidation"),
            ("infected region", "infected regions"),
            ("pulmonary infiltrate", "pulmonary infiltrates"),
            ("hazy opacity", "hazy opacities"),
            ("affected area", "affected areas"),
            ("abnormal area", "abnormal areas"),
            ("diseased area", "diseased areas"),
            ("lung abnormality", "lung abnormalities"),
            ("abnormal density", "abnormal densities"),
            ("lung shadow", "lung shadows"),
            ("patch of pneumonia", "patches of pneumonia"),
            ("pneumonic infiltrate", "pneumonic infiltrates"),
        ),
    ),
    "abdomen": Nouns(
        mass=(),
        count=(
            ("lesion", "lesions"),
            ("liver lesion", "liver lesions"),
            ("hepatic lesion", "hepatic lesions"),
            ("mass", "masses"),
            ("tumor", "tumors"),
            ("focal lesion", "focal lesions"),
            ("nodule", "nodules"),
            ("hepatic mass", "hepatic masses"),
        ),
    ),
    "breast": Nouns(
        mass=(),
        count=(
            ("mass", "masses"),
            ("lesion", "lesions"),
            ("breast lesion", "breast lesions"),
            ("breast mass", "breast masses"),
            ("tumor", "tumors"),
            ("nodule", "nodules"),
            ("focal lesion", "focal lesions"),
            ("finding", "findings"),
        ),
    ),
    "colon": Nouns(
        mass=(),
        count=(
            ("polyp", "polyps"),
            ("lesion", "lesions"),
            ("colonic polyp", "colonic polyps"),
            ("polypoid lesion", "polypoid lesions"),
            ("mucosal lesion", "mucosal lesions"),
            ("growth", "growths"),
            ("colorectal polyp", "colorectal polyps"),
            ("protruding lesion", "protruding lesions"),
        ),
    ),
    "brain": Nouns(
        mass=("hyperintensity", "FLAIR hyperintensity", "abnormal signal", "FLAIR signal abnormality", "pathology"),
        count=(
            ("glioma", "gliomas"),
            ("lesion", "lesions"),
            ("cerebral lesion", "cerebral lesions"),
            ("tumor", "tumors"),
            ("cerebral tumor", "cerebral tumors"),
            ("hyperintense lesion", "hyperintense lesions"),
            ("low-grade glioma", "low-grade gliomas"),
            ("intracranial mass", "intracranial masses"),
            ("signal abnormality", "signal abnormalities"),
        ),
    ),
    "skin": Nouns(
        mass=("pigmentation", "pigmented skin"),
        count=(
            ("skin lesion", "skin lesions"),
            ("pigmented lesion", "pigmented lesions"),
            ("lesion", "lesions"),
            ("mole", "moles"),
            ("nevus", "nevi"),
            ("melanocytic lesion", "melanocytic lesions"),
            ("pigmented spot", "pigmented spots"),
        ),
    ),
    "grid": Nouns(
        mass=(),
        count=(
            ("lesion", "lesions"),
            ("target", "targets"),
            ("finding", "findings"),
            ("abnormality", "abnormalities"),
            ("abnormal area", "abnormal areas"),
            ("focus", "foci"),
            ("region of interest", "regions of interest"),
        ),
    ),
}

NOUNS["chest-ct"] = NOUNS["chest"]

CLASSES = {
    "ggo": Nouns(
        mass=("ground-glass opacity", "ground glass", "GGO", "ground-glass opacification", "ground-glass attenuation"),
        count=(
            ("area of ground-glass opacity", "areas of ground-glass opacity"),
            ("hazy opacity", "hazy opacities"),
            ("ground-glass lesion", "ground-glass lesions"),
        ),
    ),
    "consolidation": Nouns(
        mass=("consolidation", "airspace consolidation", "dense consolidation", "consolidated lung"),
        count=(
            ("area of consolidation", "areas of consolidation"),
            ("consolidative opacity", "consolidative opacities"),
        ),
    ),
    "infection": Nouns(
        mass=("infection", "lung infection", "pulmonary infection", "COVID-19 infection", "pneumonia"),
        count=(("infected area", "infected areas"), ("infected region", "infected regions")),
    ),
}
"""Classes whose names are known, by what a manifest may call them."""

_ALIASES = {"ground-glass opacity": "ggo", "ground glass opacity": "ggo", "ground_glass": "ggo", "ground-glass": "ggo"}


def class_nouns(name: str) -> Nouns:
    """The names of a class; an unknown one is called as the manifest calls it."""
    known = CLASSES.get(_ALIASES.get(name.lower(), name.lower()))
    return known if known is not None else own_nouns(name.replace("_", " ").strip())


def own_nouns(noun: str) -> Nouns:
    """The names of what a user calls ``nodule``, or ``focus,foci`` where the plural is not regular."""
    singular, _, plural = (part.strip() for part in noun.partition(","))
    return Nouns(mass=(), count=((singular, plural or pluralise(singular)),))


def pluralise(noun: str) -> str:
    """The regular English plural."""
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "z", "ch", "sh")) else f"{noun}s"
