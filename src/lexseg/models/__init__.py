"""Methods: a file each, or a folder where a method has parts of its own. This page imports none of them.

Here live the networks, what all of them are (`lexseg.models.base`), parts that several share (`parts`), model folders
and their reading and writing, and the judge of scope. Networks know nothing of files, cases or scans. The doors are
`create_model` and `lexseg.models.io.load_model`; listing methods needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lexseg.errors import ModelError

if TYPE_CHECKING:
    from lexseg.models.base import SegmentationModel

MODELS: dict[str, str] = {
    "clipseg": "lexseg.models.clipseg:CLIPSeg",
    "cris": "lexseg.models.cris:CRIS",
    "ddcmd": "lexseg.models.ddcmd:DDCMD",
    "dynunet": "lexseg.models.dynunet:DynUNet",
    "fmiseg": "lexseg.models.fmiseg:FMISeg",
    "languide": "lexseg.models.languide:LanGuide",
    "lsms": "lexseg.models.lsms:LSMS",
    "lvit": "lexseg.models.lvit:LViT",
    "m2snet": "lexseg.models.m2snet:M2SNet",
    "reclmis": "lexseg.models.reclmis:RecLMIS",
    "tmca": "lexseg.models.tmca:TMCA",
    "unet": "lexseg.models.unet:UNet",
}

COMPOSED: dict[str, str] = {
    "corrected": "lexseg.models.corrected:Corrected",
    "ensemble": "lexseg.models.ensemble:Ensemble",
    "few-shot": "lexseg.models.fewshot:FewShot",
    "two-scales": "lexseg.models.two_scales:TwoScales",
}
"""What a model folder may name beside the methods: made of other models, and no recipe's method."""


def model_class(name: str) -> type["SegmentationModel"]:
    """The class of a method, ours or one from outside; a :class:`ModelError` lists the valid names."""
    own = MODELS | COMPOSED
    if name in own:
        module, _, attribute = own[name].partition(":")
        cls: type[SegmentationModel] = getattr(import_module(module), attribute)
        return cls
    from lexseg.extensions import from_outside, outside

    if (found := from_outside("methods", name)) is None:
        known = ", ".join(sorted([*MODELS, *outside("methods")]))
        raise ModelError(f"unknown method {name!r}; choose one of {known}. One of your own is found by --import FILE")
    cls = found
    return cls


def create_model(name: str, **arguments: Any) -> "SegmentationModel":
    """Build a method from its constructor's keywords, which are its configuration."""
    from lexseg.models.arguments import check_arguments

    cls = model_class(name)
    check_arguments(cls, arguments, f"{name}: model")
    try:
        return cls(**arguments)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{name}: {error}") from error
