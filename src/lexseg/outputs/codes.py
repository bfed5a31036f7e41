"""What a sentence names, as codes that a viewer and an archive understand: :mod:`lexseg.language.coding`.

``_FINDINGS`` and ``_ORGANS`` are the lexicon's rows that have a code.
"""

from lexseg.language.coding import ABNORMAL, ANATOMY, ANYTHING, Code, CodedFinding, finding_of
from lexseg.language.lexicon import lexicon

_FINDINGS = tuple((finding.id, Code(*finding.code)) for finding in lexicon().findings if finding.code)
_ORGANS = tuple((organ.id, Code(*organ.code)) for organ in lexicon().organs if organ.code)

__all__ = ["ABNORMAL", "ANATOMY", "ANYTHING", "Code", "CodedFinding", "finding_of"]
