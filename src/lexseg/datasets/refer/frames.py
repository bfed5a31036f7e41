"""Sentences around a noun phrase, by how people ask: a bare phrase, a command, a question, a line of a report.

``{np}`` is the phrase without an article, ``{the}`` with a definite and ``{a}`` with an indefinite one (or none),
``{is}`` agrees with it. ``{Np}``, ``{The}`` and ``{A}`` begin a sentence. ``{Place}`` and ``{bare}`` are a phrase taken
apart: the place first, then the phrase without it.
"""

BARE = ("{np}", "{Np}", "{Np}.", "{the}", "{np}", "{A}.")

COMMANDS = (
    "Segment {the}.",
    "segment {the}",
    "Outline {the}.",
    "Show me {the}.",
    "Mark {the}.",
    "Delineate {the}.",
    "Find {the}.",
    "Highlight {the}.",
    "Contour {the}.",
    "Please segment {the}.",
    "Please outline {the}.",
    "Trace {the}.",
    "Locate {the}.",
    "Identify {the}.",
    "Annotate {the}.",
    "show {the}",
    "Label {the}.",
    "Point out {the}.",
    "Draw the outline of {the}.",
    "I want {the}.",
)

QUESTIONS = (
    "Is there {any}?",
    "Where {is} {the}?",
    "Can you see {any}?",
    "Do you see {any}?",
    "Can you outline {the}?",
    "Could you segment {the}?",
    "Any {np}?",
    "Where do you see {a}?",
    "Would you mark {the}?",
)

REPORTS = (
    "There {is} {a}.",
    "{A} {is} seen.",
    "{A} {is} noted.",
    "{A} {is} present.",
    "Evidence of {a}.",
    "Findings: {np}.",
    "Impression: {np}.",
    "The image shows {a}.",
    "We see {a}.",
    "{Np}, as seen here.",
    "Suspicion of {a}.",
    "{A} {is} visible.",
    "Findings are in keeping with {a}.",
)

# with a comma: "right there" is no side
FRONTED = (
    "{Place}, there {is} {bare_a}.",
    "{Place}, {bare_a}.",
    "{Place}: {bare}.",
    "{Place}, segment {bare_the}.",
    "{Place}, {is} there {any_bare}?",
)

KINDS = ((BARE, 0.34), (COMMANDS, 0.27), (QUESTIONS, 0.14), (REPORTS, 0.18), (FRONTED, 0.07))
"""Which frames there are, and how often each kind of them is drawn."""

PLACE_ALONE = (
    "{place}",
    "{Place}.",
    "{Place}, please.",
    "Only {place}.",
    "What is infected {place}?",
    "What is abnormal {place}?",
    "What can be seen {place}?",
    "Anything abnormal {place}?",
    "Is there anything {place}?",
    "Is it abnormal {place}?",
    "How much is infected {place}?",
    "Mark what is infected {place}.",
    "Outline what is abnormal {place}.",
    "Show me what is there {place}.",
    "All that is abnormal {place}.",
    "Whatever you find {place}.",
)
"""Of a place alone, without a name for what is there: all of it is meant."""

LUNG_ALONE = (
    "{o} lung",
    "{O} lung.",
    "the {o} lung",
    "The {o} side.",
    "{o} lung only",
    "Only the {o} lung.",
    "{o} lung, please",
    "Is the {o} lung abnormal?",
    "Is the {o} lung diseased?",
    "How much of the {o} lung is infected?",
    "the infected part of the {o} lung",
    "the diseased portion of the {o} lung",
    "Assess the {o} lung.",
    "Segment the {o} lung's findings.",
    "Please do the {o} lung.",
    "abnormal {o} lung",
    "diseased {o} lung",
)
ALONE = 0.3
"""How often a place is named alone, where that says what is meant and a name without plural would stand."""

NEGATED_LUNGS = (
    "No {other} on the {o}; {np}.",
    "No {other} in the {o} lung; {np}.",
    "{Np}, but not in the {o} lung.",
    "{Np}. No {other} on the {o}.",
    "The {o} lung is clear; {np}.",
    "{Np}; the {o} lung is clear.",
    "{Np}, none on the {o}.",
    "{O} lung clear, {np}.",
    "{Np} without {other} on the {o}.",
    "There is no {other} in the {o} lung, but {a}.",
    "{A} {is} seen. The {o} lung is free of {other}.",
    "Clear {o} lung. {A}.",
    "{Np}, {o} lung spared.",
    "The {o} hemithorax is unremarkable. There {is} {a}.",
)

NEGATED_GRID = (
    "No {other} on the {o}; {np}.",
    "No {other} in the {o} half; {np}.",
    "{Np}. No {other} on the {o}.",
    "{Np}, none on the {o}.",
    "{Np} without {other} on the {o}.",
    "There is no {other} on the {o} side, but {a}.",
    "The {o} half is clear; {np}.",
)
