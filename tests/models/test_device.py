"""A device is taken in any capitals, tried before any work, and named where it cannot be used."""

import argparse
import importlib

import pytest
import torch

from lexseg.cli.main import _OWN_PARSER, COMMANDS, _Parser, main
from lexseg.cli.values import device
from lexseg.errors import ConfigError
from lexseg.models.device import device_of
from lexseg.predict.segmenter import Segmenter
from lexseg.training.lang2box.fit import Lang2BoxConfig, fit_lang2box
from lexseg.training.refiner.fit import RefinerConfig, fit_refiner
from lexseg.training.weak.align import AlignConfig, align
from lexseg.training.weak.scored import load_scored


@pytest.mark.parametrize("name", ["cpu", "cpu:0", "CPU", " cpu ", torch.device("cpu")])
def test_a_cpu_by_any_name_is_the_cpu_and_has_the_fast_engine(name):
    assert device_of(name) == torch.device("cpu")
    assert Segmenter.from_pretrained("default", device=name).engine.kind == "onnx"


@pytest.mark.parametrize("name", ["", "nonsense", "cuda:99", "meta", "cpu:x"])
def test_what_is_not_there_is_named_with_what_to_try(name):
    with pytest.raises(ConfigError, match=rf"the device '{name}' cannot be used: .*try 'cpu'"):
        Segmenter.from_pretrained("default", device=name)


@pytest.mark.parametrize(
    "fit",
    [
        lambda out: fit_refiner(RefinerConfig(cases=["nowhere.csv"]), out, device="nonsense"),
        lambda out: fit_lang2box(Lang2BoxConfig(cases=["nowhere.csv"]), out, device="nonsense"),
        lambda out: align(AlignConfig(cases=["nowhere.csv"]), out, device="nonsense"),
        lambda out: load_scored("default", device="nonsense"),
    ],
)
def test_training_looks_for_it_before_it_reads_a_case(fit, tmp_path):
    with pytest.raises(ConfigError, match="the device 'nonsense' cannot be used"):
        fit(tmp_path / "out")


def test_every_command_that_takes_a_device_refuses_an_empty_one():
    found = []
    for name, (module, _) in COMMANDS.items():
        if name not in _OWN_PARSER:
            commands = _Parser().add_subparsers()
            importlib.import_module(f"lexseg.cli.{module}").add_parser(commands)
            found += [
                action.type for parser in every(commands) for action in parser._actions if action.dest == "device"
            ]
    assert len(found) >= 12 and set(found) == {device}


def every(commands):
    for parser in commands.choices.values():
        yield parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                yield from every(action)


def test_an_empty_device_on_the_command_line(tmp_path, capsys):
    asked = ["segment", "film.png", "--text", "lung", "--output", str(tmp_path / "out"), "--device", ""]
    assert main(asked) == 2 and "it is empty" in capsys.readouterr().err
