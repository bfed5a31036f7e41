"""A report's findings, each answered by a mask of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lexseg.errors import DataError
from lexseg.language.report_reading import Finding
from lexseg.language.sides import Laterality
from lexseg.predict.ask import Denied, Sentence, questions, segment_together
from lexseg.predict.asker import Asker, Looked
from lexseg.predict.options import Options
from lexseg.predict.report_findings import report_findings
from lexseg.predict.segmentation import Segmentation

LARGEST = 1_000_000  # bytes: no report is longer


@dataclass(frozen=True, slots=True)
class FindingResult:
    """What a report says, and where in the image it is. Attributes: number: from 1; finding: the words; result: where.

    The ``result`` of a negated finding is ``negated``: nothing was looked for.
    """

    number: int
    finding: Finding
    result: Segmentation


def read_report_file(path: Path) -> str:
    """The text of a report, line breaks as they stand in the file.

    Raises:
        DataError: if it cannot be read, is no text in UTF-8, or is blank.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise DataError(f"the report {path} cannot be read: {error.strerror or error}") from error
    if len(content) > LARGEST:
        raise DataError(f"the report {path} is larger than {LARGEST // 1_000_000} MB; is it a report?")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"the report {path} is not a text file in UTF-8; save it as plain text in UTF-8") from error
    if "\0" in text:
        raise DataError(f"the report {path} is a binary file, not a text file; save it as plain text")
    if not text.strip():
        raise DataError(f"the report {path} is empty")
    return text


def findings_of(segmenter: Asker, text: str, language: str | None = None) -> list[Finding]:
    """The findings of a report, each of them short enough to be asked.

    Args:
        segmenter: that is to be asked.
        text: the report.
        language: of the report, as ISO 639-1 code; ``None`` is English.

    Raises:
        TextError: if there are none, or one is too long: it is named by its number, not by its words; or if the report
            holds what is no text; or if there is no lexicon of its language.
    """
    return report_findings(text, segmenter.text_encoder, language)


def segment_report(
    session: Looked,
    text: str,
    *,
    threshold: float | None = None,
    laterality: Laterality | None = None,
    anyway: bool = False,
    language: str | None = None,
) -> list[FindingResult]:
    """Find in an image what each sentence of a report names.

    Args:
        session: the image, of :meth:`lexseg.predict.segmenter.Segmenter.set_image`.
        text: the report.
        threshold: as in :meth:`lexseg.predict.segmenter.ImageSession.segment`.
        laterality: as there.
        anyway: as there.
        language: of the report, as there.

    Raises:
        TextError: as :func:`findings_of`.
    """
    findings = findings_of(session.segmenter, text, language)
    options = Options(threshold=threshold, laterality=laterality, language=language, anyway=anyway)
    return list(answer_findings(session, findings, options))


def answer_findings(session: Looked, findings: Sequence[Finding], options: Options) -> Iterator[FindingResult]:
    """As :func:`segment_report`, for findings already read, one after the other."""
    for number, finding in enumerate(findings, start=1):
        (result,) = segment_together(questions(session, [asked_of(finding)], options))
        yield FindingResult(number, finding, result)


def asked_of(finding: Finding) -> Sentence:
    """A finding as it is asked, or as what the report says is not there."""
    return Denied(finding.text) if finding.negated else finding.text
