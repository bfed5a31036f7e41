"""Tables for :mod:`lexseg.text.negation`: what negates, how far, and what only looks like it.

Regular expressions, matched without regard to case.
"""

# Words that name something to be found. They tell a clause of its own ("opacity on the right") from the rest of a list.
FINDINGS = (
    r"infect\w*|opaci\w*|infiltrat\w*|consolidat\w*|pneumon\w*|pneumothora\w+|effusions?|lesions?|mass(?:es)?|nodul\w*"
    r"|tumou?rs?|polyps?|polypoid|cysts?|cystic|calcific\w*|abnormal\w*|disease\w*|ground.?glass\w*|ggos?|shadow\w*"
    r"|densit(?:y|ies)|o?edema\w*|atelecta\w*|collaps\w*|metasta\w*|ha?emorrhag\w*|fractures?|fibro\w*|cardiomegaly"
    r"|thicken\w*|findings?|covid\S*|foci|focus|patch\w*|airspace|haz[ye]\w*|scar\w*|bronchogram\w*|cavit\w*|stranding"
    r"|spots?|areas?|malignan\w*|cancer\w*|carcinoma\w*|h?ematoma\w*|abscess\w*|involvement|changes?"
)

_SEEN = (
    r"(?:seen|present|identified|visible|visuali[sz]ed|evident|found|detected|demonstrated|noted|observed|shown|apparent"
    r"|appreciated|there|recogni[sz]ed|suspected)"
)

# Not a negation of what follows or precedes, whatever words are in it.
PSEUDO = (
    r"no (?:(?:significant|relevant|interval|suspicious|obvious|appreciable|further|definite|real|major) )*"
    r"(?:change|increase|decrease|improvement|progress(?:ion)?|resolution|regression|difference|clearing"
    r"|worsening|enlargement|growth|doubt|question|less than|more than)(?: (?:in|of|to|from|since)\b)?",
    r"without (?:(?:significant|interval) )*(?:change|increase|decrease|improvement|progression|doubt"
    r"|difficulty|contrast)(?: (?:in|of|to|from|since)\b)?",
    r"not (?:only|just|merely|necessarily|certain(?:ly)?|sure|yet|known|clear|normal|unremarkable|unlikely|healthy"
    r"|spared|circumscribed|well|changed?|increased|decreased"
    r"|(?:(?:fully|completely|entirely|quite) )?(?:resolved|cleared))",
    r"(?:can ?not|can'?t|could ?n[o']t|not|never|may not) (?:(?:be|been|to|safely|entirely|completely|definitely"
    r"|reliably) )*(?:exclude[ds]?|rule[ds]? out|ruling out|excluding)",
    r"(?:to|should|must|please|needs? to)(?: be)? (?:excluded?|ruled? out)|rule out|exclude",
    r"(?:partial|part|incomplete|near|almost complete)ly (?:resolved|cleared|clear|absent)|(?:nearly|almost) "
    r"(?:resolved|clear(?:ed)?|gone|normal)|unresolved",
    r"clear (?:evidence|signs?|increase|decrease|progress(?:ion)?|improvement|worsening|regression|change)\b",
    r"gram.negative|clear.?cut|no\.? ?\d+|no ?one|no,",
    r"normal variants?\b",
    r"(?:can ?not|can'?t|could ?n[o']t) (?:be )?(?:clear|normal)",
    r"not (?:previously|formerly)\b",
    rf"not (?:\w+ly )?{_SEEN} (?:(?:on|in|at|by) (?:the |any )?(?:prior|previous|earlier|old|last|comparison)"
    r"|previously|before|earlier)\b",
)

# Negate what follows, and also what precedes if that names no finding ("the left lung shows no ...").
BEFORE = (
    r"no(?! longer)|no longer (?:any|an?|has|have|shows?|contains?)|without|with out|w/o|absence of|lack of|lacks?"
    r"|lacking|free (?:of|from)|clear of|negative for"
    r"|neither|nor|none|nil|nothing|never|sparing|spares|denies|resolution of|cleared of"
    r"|not (?:in|on|at|of|any|an?|the|both|left|right|involving|affecting|show\w*|contain\w*|have|having|reveal\w*"
    r"|demonstrate|involve|affect)"
    rf"|not(?= (?:{FINDINGS})\b)"
    r"|(?:can ?not|can'?t) (?:see|find|detect|identify)|ignor(?:e|es|ing)|leav(?:e|ing) out|skip"
    r"|(?:do(?:es)?|did) ?n[o']t|(?:is|are) ?n'?t|not (?:mark|segment|outline|include)"
)

# Negate what they are said of: a finding ...
AFTER_FINDING = (
    rf"not (?:\w+ly )?{_SEEN}|no longer (?:\w+ly )?{_SEEN}|not (?:infected|involved|affected)|uninvolved|unaffected"
    r"|(?:can ?not|can'?t) be seen|ruled out|excluded|resolved|(?:has|have) cleared|absent|unlikely|gone|disappeared"
    r"|negative|\w+-free"
)
# ... or a place ("the left lung is clear", "clear lungs"); of a finding only by a verb.
AFTER_PLACE = r"clear|normal|unremarkable|healthy|within normal limits|spared|wnl|nad"
# "A clear opacity" is one that is well seen.
CLEAR_FINDING = rf"clear (?:(?!with|and|on|in|at|of|no\b)\w+ )?(?:{FINDINGS})\b"
VERBS = (
    r"(?:is|are|was|were|be|been|being|remains?|appears?|looks?|has|have|now|all|both|otherwise|entirely"
    r"|completely)"
)

# A new clause, whatever was negated before ...
NEW_CLAUSE = r"but(?: also)?|however|although|though|while|whereas|whilst|nevertheless|instead"
# ... and what turns it round: "clear except for ...", "infected except for ...".
EXCEPTION = r"with the exception of|except(?:ing)?(?: for)?|apart from|aside from|other than|save for|excluding"
