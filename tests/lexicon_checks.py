"""What every row of a lexicon is for: checks, and the mutants that they must tell from the lexicon itself.

``python tests/lexicon_checks.py CODE [TABLE ...]`` writes ``language/expectations/CODE.json`` anew: for each row of the
lexicon a check that fails where the row is dropped or exchanged with its neighbour's. Read the difference before it is
committed: what a check expects is what the lexicon says now.
"""

import copy
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lexseg.language import Lexicon, lexicon, read
from lexseg.language.asking import in_plain_words
from lexseg.language.coding import finding_of
from lexseg.language.paraphrase import paraphrase
from lexseg.language.report_reading import read_report
from lexseg.language.sides import mirror_words
from lexseg.language.strange_words import estrange
from lexseg.language.vocabulary import holds, likely_language

Check = dict[str, Any]
HERE = Path(__file__).parent / "language"
SEEDS = 12


# --- what is checked ----------------------------------------------------------------------


def _read(text: str, words: Lexicon) -> Any:
    reading = read(text, words)
    phrases = [
        [p.text, p.polarity, p.certainty, list(p.findings), list(p.organs), list(p.attributes),
         sorted(map(list, p.places)), list(p.unknown)]
        for p in reading.phrases
    ]  # fmt: skip
    return [*phrases, *(["contradicts itself"] if reading.contradictory else [])]


def _concept(name: str, words: Lexicon) -> Any:
    found: list[Any] = [c for c in (*words.findings, *words.organs) if c.id == name]
    return [{s: getattr(c, s) for s in type(c).__slots__ if s != "names"} for c in found]


def _held(text: str, words: Lexicon) -> Any:
    return [word for word in text.split() if not holds(word, words)]


def _seeded(say: Callable[..., str]) -> Callable[[str, Lexicon], Any]:
    return lambda text, words: [say(text, np.random.default_rng(seed), words=words) for seed in range(SEEDS)]


DO: dict[str, Callable[[str, Lexicon], Any]] = {
    "read": _read,
    "concept": _concept,
    "not held": _held,
    "mirror": lambda text, words: mirror_words(text, "horizontal", words),
    "turn over": lambda text, words: mirror_words(text, "vertical", words),
    "code": lambda text, words: finding_of(text, words).kind.meaning,
    "plain": lambda text, words: in_plain_words(text, {"chest": "infection"}, words),
    "report": lambda text, words: [[f.text, f.negated, f.section] for f in read_report(text.replace("|", "\n"), words)],
    "paraphrase": _seeded(paraphrase),
    "estrange": _seeded(estrange),
    "language": lambda text, words: likely_language(text, words),
}


def result(check: Check, words: Lexicon) -> Any:
    """What a check gives, as JSON has it."""
    return json.loads(json.dumps(DO[check["do"]](check["text"], words)))


def expectations(language: str) -> list[Check]:
    """The committed checks of a language."""
    loaded: list[Check] = json.loads((HERE / "expectations" / f"{language}.json").read_text(encoding="utf-8"))
    return loaded


# --- mutants --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutant:
    """A lexicon with one row dropped, or with one value exchanged with the next row's. Attributes: row: its name."""

    row: str
    table: str
    values: dict[str, Any]
    text: str

    def lexicon(self, base: Lexicon) -> Lexicon:
        english = None if base.concepts is base else lexicon("en")
        return Lexicon(self.values, english)


def values_of(language: str) -> dict[str, Any]:
    file = HERE.parents[1] / "src" / "lexseg" / "assets" / "language" / f"{language}.json"
    loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return loaded


def tables(values: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all lists."""
    items = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for key, value in items:
        yield from tables(value, (*path, key))
    if isinstance(values, list) and values:
        yield path


def mutants(values: dict[str, Any], table: str | None = None) -> Iterator[Mutant]:
    """Each row of each list dropped, and each value of a row exchanged with that of the next one."""
    for path in tables(values):
        top = str(path[0])
        if table is not None and top != table:
            continue
        rows = _at(values, path)
        for i, row in enumerate(rows):
            name = _name(values, path, row)
            yield Mutant(name, top, _changed(values, path, [*rows[:i], *rows[i + 1 :]]), _text(row))
            following = rows[(i + 1) % len(rows)]
            if not isinstance(row, dict) or following is row:
                continue
            for key in row.keys() & following.keys() - {"kind"}:
                if row[key] == following[key] or isinstance(row[key], dict):
                    continue
                swapped = list(rows)
                swapped[i], swapped[(i + 1) % len(rows)] = row | {key: following[key]}, following | {key: row[key]}
                if all(row in swapped for row in rows):
                    continue  # the same rows in another order
                yield Mutant(f"{name}, {key}", top, _changed(values, path, swapped), _text(row))


def _at(values: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        values = values[key]
    return values


def _changed(values: Any, path: tuple[Any, ...], rows: Any) -> Any:
    if not path:
        return rows
    key, rest = path[0], path[1:]
    made = copy.copy(values)
    made[key] = _changed(values[key], rest, rows)
    return made


def _name(values: Any, path: tuple[Any, ...], row: Any) -> str:
    parts = []
    for i, key in enumerate(path):
        inside = _at(values, path[: i + 1])
        parts.append(_text(inside) if isinstance(key, int) and not isinstance(inside, list) else str(key))
    return f"{'.'.join(parts)}: {_text(row)}"


def _text(row: Any) -> str:
    if isinstance(row, dict):
        return str(next((row[key] for key in ("id", "left", "upper", "word") if key in row), row))
    return row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)


def caught(mutant: Mutant, words: Lexicon, checks: list[Check]) -> bool:
    """Whether a check tells the mutant's lexicon: of those that were written for the row."""
    row = mutant.row.rpartition(", ")[0] or mutant.row
    own = [check for check in checks if check["for"] == mutant.row]
    within = f"{mutant.table}.{mutant.text}."
    beside = [check for check in checks if check["for"].startswith((row, within)) and check not in own]
    return any(_differs(check, words) for check in (*own, *beside))


def _differs(check: Check, words: Lexicon) -> bool:
    try:
        return bool(result(check, words) != check["is"])
    except (re.error, KeyError, IndexError, ValueError):
        return True  # the table cannot do without the row


# --- writing them -----------------------------------------------------------------------------

_FRAMES = (
    "effusion, mass: {x}", "no effusion, zqwx{x} on the left", "this is {x}", "mass with {x} margin", "{x} polyp",
    "lung {x}. base",
    "{x}", "{x} opacity in the left lung", "no {x} opacity", "left {x}", "opacity {x} effusion", "the heart {x}",
    "{x} left over the heart", "no effusion {x} opacity in the left lung", "opacity in the left lung {x}", "{x} above",
    "upper {x}", "top {x}", "above {x}", "superior {x}", "apical {x}", "effusion {x} seen", "effusion {x}", "l {x}",
    "opacity, {x} effusion", "no effusion {x} opacity", "the left lung {x}", "effusion: {x}",
    "left effusion {x} right lung",
    "left effusion {x} in the right lung", "left effusion in the right {x}", "left effusion in {x} right lung",
    "opacity in the left lung {x} effusion", "{x} base", "base {x}", "middle {x}", "the patient {x} left in bed",
    "the opacity is {x} left in bed", "the mass {x} left.", "left {x} the bed is empty", "effusion {x}. opacity. mass",
    "no {x} change in the opacity", "the heart is not {x}", "clear {x}", "opacity not {x} on prior study", "mass {x}",
    "{x} right lung clear", "no infection {x} in the left lung", "no infection except {x} the left lung",
    "{x} no infection except in the left lung", "no {x} infection except in the left lung",
    "left {x} opacity in the right lung",
    "the lesion in the left and the opacity {x} the right lung", "{x}: left opacity", "opacity|{x}: left nodule",
    "left nodule|FINDINGS {x} MORE: right mass", "left opacity and nodule of approx {x}. right mass", "{x}. left",
    "right mass. left lung {x}. nodule here", "left opacity {x}|Right base", "right opacity|{x}: left mass",
    "opacity. {x}: mass", "{x}: no opacity|mass", "Technique: chest. Left mass.|{x}: nodule",
    "there is a small opacity in the left upper {x}|Lobe of the lung with a nodule in the right base and a mass. Lines",
    "right nodule in the upper and left mass {x} the right base", "left opacity {x} right nodule",
    "upper {x} lower zone of the left lung", "all {x}", "{x} all left", "{x} left.", "all left {x} all right", "{x} mm",
    "opacity {x} the left", "pneumonia {x}", "{x} pneumonia", "no left effusion {x} right opacity", "LLL opacity {x}",
    "the opacity is not {x} seen", "left lung clear {x} right opacity", "lungs {x} clear", "left lung, {x} clear",
    "opacity {x} normal diaphragm", "cannot {x} infection", "{x} left lung",
)  # fmt: skip
_FRAMES_OF = {
    "de": (
        "{x}", "{x} Verschattung in der linken Lunge", "kein {x}", "kein Erguss {x} Verschattung links", "{x} links",
        "Verschattung {x} Erguss", "Herz {x} vergrößert", "das Herz ist {x}", "Erguss {x}", "Erguss: {x}",
        "linke Verschattung {x} der rechten Lunge", "linke Verschattung in {x} rechten Lunge", "Erguss {x} nachweisbar",
        "linke Verschattung in der rechten {x}", "linke Verschattung {x} in der rechten Lunge", "nicht {x}",
        "Verschattung|{x}: Erguss", "{x}: Verschattung", "Verschattung {x}. links", "das Herz ist nicht {x}",
        "Verschattung {x}. links unten", "Zyste {x}. Links unten Erguss", "linke Lunge {x} frei", "Herz {x} normal",
        "keine {x} Änderung der Verschattung", "{x} keine Verschattung, außer in der linken Lunge",
        "keine {x} Verschattung außer in der linken Lunge", "keine Verschattung außer {x} linken Lunge",
        "ohne {x} Änderung", "linke Lunge frei {x} rechts Verschattung", "linke Verschattung {x} rechter Erguss",
        "Erguss|BEFUND {x} MEHR: Verschattung", "Zyste|{x}: kein Erguss", "Technik: Thorax. Zyste.|{x}: Erguss",
        "kein linker Erguss {x} rechte Verschattung", "kein Erguss, {x} Verschattung links", "Lunge, {x} frei",
        "Verschattung über {x} normalem Zwerchfell", "Verschattung {x} normal", "Verschattung, {x} frei",
        "es besteht eine kleine Verschattung links oben {x}|Lappen der Lunge mit Herd rechts und Erguss. Zeilen",
        "Verschattung. {x} Mehr.", "linke Lunge {x} rechte Lunge", "links {x} rechts unten",
        "links oben {x} unten", "kein Erguss {x} Pneumothorax", "kein Erguss {x}, Verschattung", "Infiltrat {x} frei",
    ),
}  # fmt: skip
_SENTENCES = (
    "bilateral pulmonary infection, two infected areas, lower left lung and lower right lung.",
    "Unilateral pulmonary infection, one infected area, upper middle left lung.",
    "Bilateral pulmonary infection, two infected areas, all left lung and all right lung.",
    "bilateral pulmonary infection, two infected areas, upper lower left lung and middle right lung.",
    "unilateral pulmonary infection, one infected area.",
    "bilateral pulmonary infection, four infected areas",
    "opacity in the left lower zone",
    "Lung infection and opacities in both lungs",
    "polyps located in the image",
    "axial chest CT with ground-glass opacity and pulmonary consolidation of COVID-19 infection",
    "axial CT, GGOs",
    "breast ultrasound image: large oval tumor, hypoechoic echogenicity, circumscribed margin",
    "breast tumors, not circumscribed, circle-shaped, posterior enhancement",
    "small polyp, circle, in upper left",
    "breast: posterior acoustic shadowing, no calcifications, medium",
    "a polyp in the bottom right of the image",
    "polyp which is a projecting growth of tissue, in the left of the image, in the center of the image",
)
_OF_TABLE = {
    "common": ("not held",), "adjective_endings": ("read",), "foreign": ("language",), "rewording": ("paraphrase",),
    "strange": ("estrange",), "sections": ("report",), "remarks": ("report",), "heights": ("turn over", "read"),
    "sides": ("mirror", "read"), "joints": ("read", "report"), "abbreviations": ("read", "report"),
}  # fmt: skip


def write(language: str, only: Sequence[str] = ()) -> None:
    """Find a check for every mutant, and write them all.

    Args:
        language: of the lexicon.
        only: tables; the checks of the others stay as they are. None means all.
    """
    values, base = values_of(language), lexicon(language)
    path = HERE / "expectations" / f"{language}.json"
    path.parent.mkdir(exist_ok=True)
    checks = [check for check in expectations(language) if table_of(check) in values] if path.is_file() else []
    for table in only or list(values):
        found, lost = _checks_of(table, values, base)
        checks = [check for check in checks if table_of(check) != table] + found
        rows = ",\n".join(json.dumps(check, ensure_ascii=False) for check in checks)
        path.write_text(f"[\n{rows}\n]\n", encoding="utf-8")
        print(f"{table}: {len(found)} checks; without one:", *lost, sep="\n  ", flush=True)


def table_of(check: Check) -> str:
    """The table of the lexicon that a check was written for."""
    return str(re.split(r"[.:]", check["for"])[0])


def _checks_of(table: str, values: dict[str, Any], base: Lexicon) -> tuple[list[Check], list[str]]:
    """Checks that tell every mutant of a table, and the mutants that none tells."""
    checks: list[Check] = []
    if table == "common":
        common = values[table]
        lines = [" ".join(common[i : i + 12]) for i in range(0, len(common), 12)]
        held = [(word, line) for line in lines for word in line.split()]
        checks = [{"for": f"common: {word}", "do": "not held", "text": line, "is": []} for word, line in held]
    lost: list[str] = []
    for mutant in mutants(values, table):
        words = mutant.lexicon(base)
        if caught(mutant, words, checks):
            continue
        for check in () if table == "common" else _candidates(mutant, values):
            check["is"] = result(check, base)
            if _differs(check, words):
                checks.append(check)
                break
        else:
            lost.append(mutant.row)
    return checks, lost


def _candidates(mutant: Mutant, values: dict[str, Any]) -> Iterator[Check]:
    if mutant.table in ("rewording", "strange"):
        texts = [*_SENTENCES, *(f"the {x} in the left lung" for x in samples(mutant.text))]
    else:
        frames = _FRAMES_OF.get(values["language"], _FRAMES)
        texts = [frame.replace("{x}", x) for frame in frames for x in samples(mutant.text)]
    if mutant.table in ("findings", "anatomy") and mutant.row.startswith(f"{mutant.table}: "):
        yield {"for": mutant.row, "do": "concept", "text": mutant.text}
    elif mutant.table in ("findings", "anatomy"):  # a list within a row
        yield {"for": mutant.row, "do": "concept", "text": mutant.row.partition(": ")[0].split(".")[1]}
    for text in texts:
        for do in _OF_TABLE.get(mutant.table, ("read", "report")):
            yield {"for": mutant.row, "do": do, "text": text}


def samples(row: str) -> list[str]:
    """Words that a row matches."""
    row = re.sub(r"\{finding\}", "effusion", row)
    row = row.replace("{seen}", "seen").replace("{state}", "enlarged").replace("{little}", "significant")
    try:
        tree = re._parser.parse(re.sub(r"(?<=[^\W_])(?<!\\\\w)\\*", "", row))  # type: ignore[attr-defined]
    except re.error:
        return [row]
    if re.fullmatch(r"[\w. -]+", row):
        return [row]
    ways = [(longest, branch) for branch in (0, -1) for longest in (True, False)]
    found = dict.fromkeys(_sample(tree, longest=longest, branch=branch) for longest, branch in ways)
    return [text for text in found if text.strip()]


def _sample(tree: Any, *, longest: bool, branch: int) -> str:
    out = ""
    for kind, value in tree:
        name = str(kind)
        if name == "LITERAL":
            out += chr(value)
        elif name == "NOT_LITERAL" or name == "ANY":
            out += "-"
        elif name == "IN":
            first = value[0]
            out += chr(first[1]) if str(first[0]) == "LITERAL" else chr(first[1][0]) if str(first[0]) == "RANGE" else {
                "CATEGORY_DIGIT": "5", "CATEGORY_SPACE": " "}.get(str(first[1]), "a")  # fmt: skip
        elif name == "BRANCH":
            out += _sample(value[1][branch], longest=longest, branch=branch)
        elif name == "SUBPATTERN":
            out += _sample(value[3], longest=longest, branch=branch)
        elif name in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most, inner = value
            out += _sample(inner, longest=longest, branch=branch) * (
                max(least, min(1, int(most))) if longest else least
            )
        elif name == "ASSERT" and value[0] > 0:
            out += _sample(value[1], longest=longest, branch=branch)
    return out


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2:])
