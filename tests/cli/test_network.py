"""A train without a recipe asks for a text encoder of the hub: without a network it says so at once."""

import os

import pytest

from lexseg.cli import network


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in network._ANOTHER_WAY:
        monkeypatch.delenv(name, raising=False)
    yield
    os.environ.pop("HF_HUB_OFFLINE", None)


def test_without_a_network(monkeypatch, capsys):
    monkeypatch.setattr(network, "HUB", ("127.0.0.1", 9))  # nobody listens
    network.say_if_offline()
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert "no network" in capsys.readouterr().err


def test_with_one(monkeypatch, capsys):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(network, "HUB", server.getsockname())
        network.say_if_offline()
    assert "HF_HUB_OFFLINE" not in os.environ and capsys.readouterr().err == ""


def test_the_users_own_way_is_left_alone(monkeypatch):
    monkeypatch.setattr(network, "HUB", ("127.0.0.1", 9))
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    network.say_if_offline()
    assert "HF_HUB_OFFLINE" not in os.environ
