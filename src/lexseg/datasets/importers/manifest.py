"""A manifest of our own columns, to be labelled, divided or asked anew: ``cases.csv`` or ``cases.jsonl``."""

from pathlib import Path

from lexseg.cases.manifest import parse_manifest
from lexseg.datasets.importers.record import Findings, Record


def read(source: Path, text: str = "", *, links: bool = False) -> Findings:
    """Read a manifest; its further columns are kept.

    Args:
        source: the manifest, or the folder that holds it.
        text: the sentence of every image in place of the manifest's own; empty keeps those.
        links: its files may lie elsewhere: links that lead out of its folder, and paths that do.
    """
    findings = Findings()
    path = source
    if source.is_dir():
        path = next((f for f in (source / "cases.csv", source / "cases.jsonl") if f.is_file()), source / "cases.csv")
    parsed = parse_manifest(path, links=links)
    findings.problems += parsed.problems
    for case in parsed.cases:
        organ = case.extra.get("organ", "").strip()
        first, *wordings = (" ".join(text.split()),) if text.strip() else case.texts
        findings.records.append(
            Record(
                case.id,
                case.image,
                case.mask,
                first,
                case.split,
                {column: value for column, value in case.extra.items() if column != "organ"},
                path,
                case.row,
                tuple(wordings),
                case.patient,
                case.laterality,
                case.spacing,
                case.target_ids,
                case.expression_kind,
                files={"organ": path.parent / organ} if organ else {},
                present=case.present,
                language=case.language,
                weight=case.weight,
                label=case.label,
            )
        )
    return findings
