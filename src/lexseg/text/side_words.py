"""Tables for :mod:`lexseg.text.wording`: words that name a side or a height, and where they do not.

Every rule holds for both words of a pair, whatever the English idiom is ("right away", and so "left away"): only then
does a word that was swapped swap back. Rules are regular expressions over what stands directly before or after a word,
in lower case, with one blank for blanks, hyphens and slashes.
"""

# --- pairs -------------------------------------------------------------------

LEFT_RIGHT = {
    "left": "right",
    "leftmost": "rightmost",
    "leftward": "rightward",
    "leftwards": "rightwards",
    "leftsided": "rightsided",
    "leftside": "rightside",
    "lefthand": "righthand",
    "lt": "rt",
    "l": "r",
}

UP_DOWN = {
    "upper": "lower",
    "uppermost": "lowermost",
    "top": "bottom",
    "topmost": "bottommost",
    "above": "below",
    "upward": "downward",
    "upwards": "downwards",
    "superior": "inferior",
    "superiorly": "inferiorly",
    "cranial": "caudal",
    "cranially": "caudally",
    "cephalad": "caudad",
    "suprahilar": "infrahilar",
    "apical": "basal",
    "apically": "basally",
    "biapical": "bibasal",
    "apex": "base",
    "apices": "bases",
}

# Lobes, zones, quadrants and views, in capitals or as they are typed in a hurry ("rul"). The left lung has no middle
# lobe, but a mirrored film shows one there: RML becomes LML, just as "right middle lobe" becomes "left middle lobe".
# RCC, RA and RV have other meanings.
LEFT_RIGHT_SHORT = {
    "LUL": "RUL",
    "LML": "RML",
    "LLL": "RLL",
    "LUZ": "RUZ",
    "LMZ": "RMZ",
    "LLZ": "RLZ",
    "LUQ": "RUQ",
    "LLQ": "RLQ",
    "LMLO": "RMLO",
}

UP_DOWN_SHORT = {
    "LUL": "LLL",
    "RUL": "RLL",
    "LUZ": "LLZ",
    "RUZ": "RLZ",
    "LUQ": "LLQ",
    "RUQ": "RLQ",
}

# Sides as they are mistyped, of no other meaning ("lft" is a test of the liver): swapped for the side that was meant.
MISSPELT_SIDES = {
    "left": ("elft", "letf", "lfet", "lleft", "leeft", "lefft", "leftt", "lef"),
    "right": (
        *("rigth", "rihgt", "rgiht", "rright", "riight", "rigght", "righht", "rightt"),
        *("rigt", "rght", "riht", "righ"),
    ),
}

# --- left and right ----------------------------------------------------------

# Never a side before these ("right away", "right-handed", "in the right place") ...
SIDE_NEVER_BEFORE = (
    r"angle[sd]?\b(?! of)|away|now|here|there|place|time|way|diagnosis|answer|amount|handed|handedness|click"
)

# ... nor before the names of what has no mirror twin: a mirrored left ventricle is still a left ventricle.
SIDE_NAMES = (
    r"(?:(?:and |or )?(?:left|right) )?"
    r"(?:ventric(?:le|les|ular)|atri(?:um|a|al)|coronary|main (?:stem|coronary)|anterior descending|circumflex"
    r"|bundle branch|heart (?:failure|strain|catheter)|(?:hemi)?colon|colic|(?:hepatic|liver) lobe|lobe of the liver)"
)

# Else always a side after these ("on the left over the heart").
SIDE_AFTER = r"(?:on|in|at|to|towards?|from|of|into|near)(?: the)?"

# Else never a side before these: left as in leave, right as in just.
SIDE_SELDOM_BEFORE = (
    r"over|behind|alone|unchanged|untreated|untouched|intact|undisturbed|open|blank|out|off|aside|after|before|next to"
    r"|across|through|in place|in situ|in position|in the (?:center|centre|middle)|to heal|against medical advice"
    r"|the (?:hospital|department|clinic|ward|room)"
)

# Else not a side after these if the clause ends or a function word follows ("nothing was left").
SIDE_VERBS = (
    r"(?:am|is|are|was|were|be|been|being|has|have|had|having|gets?|got|looks?|feels?|seems?|remain(?:s|ed)?"
    r"|nothing|anything|something|little|he|she|they|who|patient)(?: (?:not|then|also|never|always|[a-z]+ly))?"
)
FUNCTION_WORDS = (
    r"in|on|at|to|with|without|as|for|by|the|a|an|no|some|it|him|her|them|this|that|but|so|when|while|until|because"
    r"|since|against|then|again|(?:and|or)\b(?! (?:all |the )?(?:left|right)\b)"
)

# "All right" is an idiom in the same places, but not beside another ("all left and all right").
ALL_FOLLOWED_BY_ALL = r"(?:[a-z]+ ){0,2}(?:and|or) all (?:left|right)"
ALL_PRECEDED_BY_ALL = r"all (?:left|right)(?: [a-z]+){0,2}(?: and| or|,) all"

# "L", "R", "lt" and "rt" (also radiotherapy) are a side only before these.
PAIRED_PARTS = (
    r"lungs?|lobes?|breasts?|sided?|hand|zones?|fields?|bases?|basal|basilar|apex|apices|apical|hilum|hilar|hila"
    r"|(?:hemi)?thorax|(?:hemi)?diaphragm|pleural?|chest|costophrenic|cp angle|perihilar|kidneys?|renal|adrenal|ovary"
    r"|testis|axilla|axillary|nipple|upper|lower|middle|mid|lateral|medial"
)

# --- up and down -------------------------------------------------------------

# No place in the image before these ("lower density", "upper extremity", "inferior vena cava"), by pair ...
HEIGHT_NEVER_BEFORE = {
    ("upper", "lower"): (
        r"extremity|extremities|limbs?|legs?|arms?|back|gi|gastrointestinal|respiratory|urinary|than|density|grade"
        r"|echogenicity|intensity|signal|attenuation|contrast|dose|resolution|risk|limits?|bounds?|normal"
    ),
    ("top", "bottom"): r"down|up|normal|quality|notch|line|of (?:that|this)",
    ("above", "below"): (
        r"mentioned|described|noted|stated|named|findings?|normal|average|threshold|\d+"
        r"|the (?:age|threshold|norm|limit|average)"
    ),
    ("superior", "inferior"): r"vena|mesenteric",
    ("apical", "basal"): r"cell|ganglia|metabolic|views?|(?:two|three|four|five|[2-5]) chamber",
}

# ... nor after these ("as described above").
HEIGHT_NEVER_AFTER = {
    ("above", "below"): r"as|see|seen|described|mentioned|noted|stated|listed|given|the",
}

# Apex and base are heights in the lungs; a polyp or a skull has a base, too. In the plural they are the lungs' ...
LUNG_ENDS = ("apex", "base", "apices", "bases")
LUNG_BEFORE = r"lungs?|pulmonary|left|right|both"
LUNG_AFTER = r"of (?:the |both )?(?:left |right )?lungs?"
# ... unless another owner is named.
OWNER_AFTER = r"of"
