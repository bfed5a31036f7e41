"""What requests and answers hold."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator
from pydantic.config import JsonDict

Laterality = Literal["image", "patient"]
# A number is a number and no word for one: what is described is what is taken.
Real = Annotated[float, Strict()]
Index = Annotated[int, Strict(), Field(ge=0)]
Flag = Annotated[bool, Strict()]
# blank words are refused by a reason of their own
Words = Annotated[str, Field(json_schema_extra={"minLength": 1, "pattern": r"\S"})]
Some = Annotated[list[Words], Field(json_schema_extra={"minItems": 1})]
_ASKED: JsonDict = {
    # what the validator below says, for programs: one of each, and neither of both
    "oneOf": [
        {"required": ["sentences"], "properties": {"sentences": {"type": "array"}, "report": {"type": "null"}}},
        {"required": ["report"], "properties": {"report": {"type": "string"}, "sentences": {"type": "null"}}},
    ],
    "not": {
        "required": ["frame", "frames"],
        "properties": {"frame": {"type": "integer"}, "frames": {"type": "array"}},
    },
    "examples": [{"sentences": ["opacity in the lower left lung"]}],
}


class WindowValues(BaseModel):
    """What is black and what white."""

    model_config = ConfigDict(extra="forbid")
    width: Annotated[Real, Field(gt=0, allow_inf_nan=False)]
    level: Annotated[Real, Field(allow_inf_nan=False)]


class SegmentRequest(BaseModel):
    """What is asked about an image: sentences or a report, about one frame or a range."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_ASKED)
    sentences: Annotated[list[Words], Field(json_schema_extra={"minItems": 1})] | None = Field(
        None, description="one mask for each"
    )
    report: Words | None = Field(None, description="a report; one mask for each of its findings")
    frame: Index | None = Field(None, description="counted from 0; the default is 0")
    frames: tuple[Index, Index] | None = Field(None, description="first and last of a range: a job")
    window: WindowValues | None = Field(None, description="what the model sees; default: the image's own window")
    threshold: Annotated[Real, Field(gt=0, lt=1)] | None = Field(None, description="default: the model's")
    laterality: Laterality | None = Field(None, description="whose left 'left' is; default: see the image's")
    anyway: Flag = Field(False, description="look also for what is not in the model's scope; the answers then say so")
    language: str | None = Field(None, description="of the words, as ISO 639-1 code; default: English")
    description: Flag = Field(False, description="whether the sentence may be written into a DICOM SEG")
    key: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{8,64}$")] | None = Field(
        None,
        description="made by chance, for a range of frames: asked again under the same key, as after an answer that "
        "was lost, no second job is begun",
    )

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.sentences is None) == (self.report is None):
            raise ValueError("give either sentences or a report")
        if self.frame is not None and self.frames is not None:
            raise ValueError("give either a frame or a range of frames")
        if self.frames is not None and self.frames[0] > self.frames[1]:
            raise ValueError("the range of frames ends before it begins")
        return self


class WindowAnswer(BaseModel):
    """A window that suits the image."""

    name: str = ""
    width: float
    level: float
    kind: Literal["linear", "sigmoid", "table"] = Field(
        "linear", description="frames are shown right by all kinds; width and level tell all of a linear one alone"
    )


class ImageAnswer(BaseModel):
    """An open image."""

    id: str
    sha256: str = Field(description="of the file that was uploaded; of several, that of their sorted hashes, by line")
    frames: int
    height: int
    width: int
    color: bool
    format: str
    modality: str | None
    spacing: tuple[float, float] | None = Field(description="millimetres between pixel centres, (row, column)")
    thickness: float | None = Field(description="millimetres between frames")
    patient_left: Literal["left", "right"] | None = Field(description="side of the picture where the patient's left is")
    laterality: Laterality | None = Field(description="what the patient's words are in this picture; null if unknown")
    inverted: bool = Field(description="whether small values are shown white")
    window: WindowAnswer | None
    windows: list[WindowAnswer]
    range: tuple[float, float] = Field(description="smallest and largest value")
    notes: list[str]
    expires_in: int = Field(description="seconds until it is closed if nobody asks about it")
    jobs: list[str] = Field(description="ids of its jobs, the oldest first: those that wait, run or have ended")


class Area(BaseModel):
    """How large a mask is."""

    px: int
    mm2: float | None
    fraction: float


class Largest(BaseModel):
    """The frame of a volume with the largest mask."""

    frame: int
    px: int
    mm2: float | None


class Place(BaseModel):
    """Where a finding stands in the report, in characters from 0."""

    start: int
    end: int
    negated: bool


class Links(BaseModel):
    """Where a result's files are."""

    mask: str
    overlay: str
    nifti: str
    seg: str | None
    json_: str = Field(alias="json")


class ResultAnswer(BaseModel):
    """The answer to a sentence."""

    id: str
    number: int
    finding: Place | None
    state: Literal["found", "not found", "negated", "not in scope"]
    reason: Literal["image", "words", "world"] | None = Field(
        description="why it is not in scope: the image is none that the model knows; the words name nothing that it "
        "has learnt; they belong to images of another kind than this one"
    )
    explanation: str | None = Field(description="the reason as a sentence")
    anyway: bool = Field(description="whether it was looked for although it is not in scope")
    presence: float | None = Field(
        description="of what the words name; below presence_threshold if and only if nothing was found"
    )
    presence_threshold: float | None
    threshold: float
    model: str
    model_sha256: str | None = Field(description="of the model's weights")
    image_sha256: str = Field(description="of the image's upload, as there")
    frame: int | None = None
    frames: tuple[int, int] | None = Field(None, description="of a volume: first and last that were asked")
    frames_found: list[int] | None = Field(None, description="of a volume: those in which something was found")
    frames_not_in_scope: list[int] | None = Field(
        None, description="of a volume: those about which the question is not in scope"
    )
    largest: Largest | None = Field(None, description="of a volume: the frame with the largest mask")
    area: Area
    ml: float | None = Field(None, description="of a volume; null where spacing or thickness is unknown")
    box: tuple[int, int, int, int] | None = Field(None, description="of a frame: row, column, height, width")
    n_components: int | None
    polygons: list[list[tuple[int, int]]] = Field(description="closed rings of pixel corners, even-odd")
    laterality: Laterality | None
    warnings: list[str]
    links: Links
    lexseg: str = Field(description="the version that answered")
    note: str


class ResultsAnswer(BaseModel):
    """The answers to a question about one frame."""

    results: list[ResultAnswer]


class ErrorValues(BaseModel):
    """Why a request was refused."""

    code: str
    message: str


class JobAnswer(BaseModel):
    """Work on a range of frames."""

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
    image: str | None = Field(description="id of the image that is asked about; null of a server's before this one")
    frames: tuple[int, int] | None = Field(description="first and last that are asked about")
    sentences: int = Field(description="how many are asked")
    done: int = Field(description="frames")
    total: int
    seconds_left: float | None
    results: list[ResultAnswer]
    error: ErrorValues | None


class ErrorAnswer(BaseModel):
    """A refusal."""

    error: ErrorValues


def problems(errors: list[Any]) -> str:
    """What a validation found, without what was sent: that may be a sentence."""
    said = []
    for error in errors[:5]:
        place = ".".join(str(part) for part in error["loc"] if part != "body" and not str(part).startswith("function"))
        if error["type"] == "json_invalid":  # its place is that of a letter in what was sent
            place = ""
        known = str(error["msg"]).removeprefix("Value error, ")
        if tuple(error["loc"]) == ("body",) and error["type"] in ("model_attributes_type", "dict_type"):
            # without the header the body is no JSON to the parser, whatever stands in it
            known = "the body is to be a JSON object, sent with the header 'content-type: application/json'"
        said.append(f"{place}: {known}" if place else known)
    return "; ".join(said)
