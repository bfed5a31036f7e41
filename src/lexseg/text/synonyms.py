"""Tables for :mod:`lexseg.text.paraphrase`: what may be said instead.

Words in one group mean the same *in these data*: a film's sentence calls every infiltrate of COVID-19 an infection, so
that "opacity" names the same pixels; on CT ground-glass opacity and consolidation are two different targets, and are
never taken for each other. Nothing here may add what the sentence does not say ("patchy", "early", "new").
"""

# --- chest films: whole sentences in the manner of QaTa ------------------------

# as a mass noun: "{} in the left lower zone"
FILM_NOUNS = (
    "infection",
    "pulmonary infection",
    "opacity",
    "opacification",
    "infiltrate",
    "consolidation",
    "airspace disease",
    "airspace opacity",
    "pneumonia",
    "infected area",
    "disease",
)
# in the plural, for several areas: "{} in both lower zones"
FILM_PLURALS = (
    "opacities",
    "infiltrates",
    "consolidations",
    "airspace opacities",
    "lung opacities",
    "pulmonary infiltrates",
    "infected areas",
    "areas of infection",
    "areas of consolidation",
    "pneumonic changes",
)

# "{Noun}" is capitalised where a sentence begins; {places} is a list of places, {side} one whole side
FILM_SENTENCES = (
    "{noun} in {places}",
    "{noun}, {places}",
    "{laterality} {noun}, {places}",
    "{laterality} {noun} in {places}",
    "{laterality} {noun}: {places}",
    "{laterality} {noun}, {count}, {places}",
    "{count}: {places}",
    "{count} in {places}",
    "{noun} involving {places}",
    "{noun} affecting {places}",
    "{places}: {noun}",
    "{places} {noun}",
    "there {is} {noun} in {places}",
    "the film shows {noun} in {places}",
    "chest x-ray with {noun} in {places}",
    "CXR: {noun} in {places}",
    "segment {noun} in {places}",
    "segment the {noun} in {places}",
    "outline the {noun} in {places}",
    "delineate {noun} in {places}",
    "find {noun} in {places}",
    "show the {noun} in {places}",
    "where is the {noun} in {places}?",
)
# sentences that name no place but the side(s)
FILM_SENTENCES_WITHOUT_PLACES = (
    "{laterality} {noun}",
    "{laterality} {noun}, {count}",
    "{noun}, {laterality}",
    "{count}, {laterality}",
    "there {is} {laterality} {noun}",
    "segment the {laterality} {noun}",
    "outline {laterality} {noun}",
)
LATERALITY = {
    "bilateral": ("bilateral", "both-sided", "bilat."),
    "unilateral": ("unilateral", "one-sided", "single-sided"),
}
COUNTED = ("infected areas", "areas of infection", "areas of opacity", "foci of infection", "lesions", "areas")
COUNTED_ONE = ("infected area", "area of infection", "area of opacity", "focus of infection", "lesion", "area")

# --- places ---------------------------------------------------------------------

# by the heights named, in the order upper, middle, lower; {S} is the side's initial (LLZ), {s} the side.
WHOLE_LUNG = (
    "{s} lung",
    "all {s} lung",
    "whole {s} lung",
    "entire {s} lung",
    "{s} lung, all zones",
    "{s} lung field",
    "{s} hemithorax",
)
ONE_HEIGHT = (
    "{h} {s} lung",
    "{s} {h} zone",
    "{s} {h} lung",
    "{h} {s} zone",
    "{h} zone of the {s} lung",
    "{h} part of the {s} lung",
    "{s} {h} lung field",
    "{s} {h} field",
    "{S} {h} zone",
    "{st} {h} zone",
    "{SHZ}",
)
# lobes stand for zones: a film shows no fissures. The left lung has no middle lobe.
LOBES = ("{s} {h} lobe", "{h} lobe of the {s} lung", "{SHL}")
TWO_HEIGHTS = (
    "{h} and {k} {s} lung",
    "{h} {k} {s} lung",
    "{s} {h} and {k} zones",
    "{s} {h} and {k} lung",
    "{h} and {k} zones of the {s} lung",
    "{s} lung, {h} and {k} zones",
    "{SHZ} and {SKZ}",
)
MIDDLE = ("middle", "mid")
# the same on both sides
BOTH_WHOLE = ("both lungs", "{s} and {t} lung", "both lung fields", "all zones of both lungs")
BOTH_ONE_HEIGHT = ("both {h} zones", "both {h} lung zones", "{h} zones of both lungs", "{h} zones bilaterally")
BOTH_LOWER = ("both lung bases", "both bases")

# --- groups of words that may stand for each other -------------------------------

# Chest films only: not where a sentence speaks of CT, ground glass or consolidation (see above).
FILM_WORDS = (
    ("infection", "opacity", "infiltrate", "opacification", "airspace disease", "pneumonia"),
    ("opacities", "infiltrates", "airspace opacities", "areas of infection"),
    ("pulmonary infection", "lung infection", "chest infection"),
)
CT_MARKS = r"\bct\b|ground[- ]glass|\bggos?\b|consolidat|regions?\b"

CT_WORDS = (
    ("ground-glass opacity", "ground glass opacity", "GGO", "ground-glass opacification", "ground-glass attenuation"),
    ("ground-glass opacities", "ground glass opacities", "GGOs"),
    ("pulmonary consolidation", "lung consolidation", "airspace consolidation"),
    ("axial chest CT", "axial CT of the chest", "chest CT slice", "axial thoracic CT", "CT chest, axial"),
    ("axial CT", "transverse CT", "CT slice"),
    ("COVID-19 infection", "COVID-19 pneumonia", "COVID pneumonia", "infection"),
)

# A sentence is of the breast if it matches; then lesion, mass and tumour are one.
BREAST_MARKS = r"\bbreast\b|bi-?rads|mammar|echogenicity"
BREAST_WORDS = (
    ("tumor", "tumour", "mass", "lesion"),
    ("tumors", "tumours", "masses", "lesions"),
    ("breast ultrasound image", "breast US image", "breast sonogram", "ultrasound of the breast", "breast ultrasound"),
    ("oval", "oval-shaped", "ovoid"),
    ("hypoechoic echogenicity", "hypoechoic echotexture", "hypoechoic echo pattern"),
    ("circle-shaped", "circular", "round"),
    ("not circumscribed", "non-circumscribed"),
    ("circumscribed margin", "well-defined margin", "circumscribed margins"),
    ("posterior acoustic shadowing", "posterior shadowing", "acoustic shadow behind it"),
    ("posterior enhancement", "posterior acoustic enhancement"),
    ("no calcifications", "without calcifications"),
)

POLYP_MARKS = r"\bpolyps?\b"
POLYP_WORDS = (
    ("polyp", "polypoid lesion", "colonic polyp", "colorectal polyp"),
    ("polyps", "polypoid lesions", "colonic polyps"),
    ("circle", "circular"),
    ("which is a projecting growth of tissue", "a projecting growth of tissue", "which is a growth of tissue"),
)

COMMON_WORDS = (
    ("medium", "medium-sized", "moderate-sized"),
    ("large", "big", "sizeable"),
    ("small", "small-sized"),
    ("in both lungs", "bilaterally", "in the lungs bilaterally", "on both sides"),
    ("located", "situated", "seen", "found"),
    ("center", "centre"),
    ("image", "picture"),
)

# Parts of the image, not of the lungs. A group of the pattern may be used in what replaces it.
_NO_ORGAN = r"(?! (?:lung|zone|lobe|field|hemithorax|chest|breast))"
IMAGE_PARTS = (
    (rf"\b(?:top|upper)(?= (?:left|right)\b{_NO_ORGAN})", ("top", "upper")),
    (rf"\b(?:bottom|lower)(?= (?:left|right)\b{_NO_ORGAN})", ("bottom", "lower")),
    (
        r"\b(?:in|at|on) (?:the )?(left|right)(?: side| part)? of the (image|picture)\b",
        (r"in \1 of the \2", r"on the \1 side of the \2", r"at the \1 of the \2", r"in the \1 part of the \2"),
    ),
    (
        r"\b(?:in|at) (?:the )?(cent(?:er|re)) of the (image|picture)\b",
        (r"in \1 of the \2", r"in the \1 of the \2", r"at the \1 of the \2"),
    ),
)

PREFIXES = ("segment ", "outline ", "delineate ", "show ", "find ", "mark out ", "segment: ")
