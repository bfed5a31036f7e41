"""The worlds of a model, from its manifests: which cases are of which, and what is known of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from lexseg.cases.case import Case
from lexseg.datasets.refer.foreign import ForeignWorld, foreign_worlds
from lexseg.errors import ConfigError
from lexseg.language.asking import Named
from lexseg.language.denial import affirmed
from lexseg.models.scope import World

_EXAMPLES = ("{} in the {}", "Segment the {}.", "Is there any {}?", "Where is the {}?")


@dataclass(frozen=True)
class ScopeWorld:
    """A world and its cases.

    Attributes:
        name: one of :func:`lexseg.datasets.refer.foreign.foreign_worlds` means that world, with the findings listed
            there; any other name is the user's own, of which the cases alone tell.
        cases: training and validation cases.
        terms: on which the data may be used.
        examples: whether sentences of the cases may be written into the model's folder.
    """

    name: str
    cases: Sequence[Case]
    terms: str = ""
    examples: bool = False
    asset: ForeignWorld = field(init=False)

    def __post_init__(self) -> None:
        bare = ForeignWorld(self.name, self.name, (), "image", (), (), (), (), (), (), (), ())
        object.__setattr__(self, "asset", foreign_worlds().get(self.name, bare))

    @property
    def names(self) -> tuple[str, ...]:
        """What its findings are called, beside the words of its captions."""
        return (*self.asset.learnt, *self.asset.also)

    @cached_property
    def captions(self) -> Mapping[str, tuple[str, ...]]:
        """Distinct sentences: of the training cases to ``fit``, of the validation cases to ``calibrate``."""
        found: dict[str, dict[str, None]] = {"fit": {}, "calibrate": {}}
        for case in self.cases:
            if case.expression_kind != "foreign" and case.split in ("train", "val"):
                texts = found["fit" if case.split == "train" else "calibrate"]
                texts.update(dict.fromkeys(text for text in case.texts if text))
        return {part: tuple(texts) for part, texts in found.items()}

    def images(self, split: str) -> list[Path]:
        """Distinct images of a split."""
        return list(dict.fromkeys(case.image for case in self.cases if case.split == split))

    def described(self) -> World:
        """What is told of it: by what is listed, and what the manifests say in columns anatomy and modality."""
        asset = self.asset
        anatomies = sorted({case.extra["anatomy"] for case in self.cases if case.extra.get("anatomy")})
        modalities = sorted({case.extra["modality"] for case in self.cases if case.extra.get("modality")})
        place = {"lungs": "left lung", "brain": "left frontal lobe"}.get(asset.layout, "upper left of the image")
        examples = [form.format(name, place) for form, name in zip(_EXAMPLES, asset.learnt, strict=False)]
        if not examples and self.examples:
            examples = sorted(self.captions["fit"], key=len)[:4]
        return World(
            self.name,
            ", ".join(anatomies) or asset.anatomy,
            tuple(modalities) or asset.modalities,
            (*asset.learnt, *(self._named_besides() if asset.learnt else ())),
            tuple(examples),
            self.terms,
        )

    def _named_besides(self) -> list[str]:
        """Findings of captions that name none of those that are listed: a user's own, in a world of ours."""
        listed = {self.name: self.names}
        named = (Named.of(words) for text in self.captions["fit"] if (words := affirmed(text)))
        return sorted({finding.id for each in named if each.untaught(listed) for finding in each.findings})


def scope_worlds(
    cases: Sequence[Case],
    manifests: Sequence[Path],
    names: Sequence[str],
    *,
    terms: Mapping[str, str] | None = None,
    examples: bool = False,
) -> list[ScopeWorld]:
    """Divide cases by world.

    Args:
        cases: of all manifests, with splits.
        manifests: their paths.
        names: the world of each manifest; several may be of one.
        terms: by world, on which its data may be used.
        examples: whether sentences of the cases may be written into the model's folder; they may be patient data.

    Raises:
        ConfigError: there is not one name for each manifest, or the terms are of no world.
    """
    if len(names) != len(manifests):
        raise ConfigError(f"scope names {len(names)} worlds; one for each of {len(manifests)} manifests was expected")
    if unknown := sorted(set(terms or {}) - set(names)):
        raise ConfigError(f"scope has terms for {unknown}, which are none of its worlds: {sorted(set(names))}")
    world_of = {path.resolve(): name for path, name in zip(manifests, names, strict=True)}
    by_world: dict[str, list[Case]] = {name: [] for name in names}
    for case in cases:
        if case.source is not None and (name := world_of.get(case.source.resolve())) is not None:
            by_world[name].append(case)
    return [ScopeWorld(name, own, (terms or {}).get(name, ""), examples) for name, own in by_world.items()]
