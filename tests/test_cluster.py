"""Many machines: two nodes of a Ray cluster on this one, of which one is lost in the middle of the work."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import lexseg
from lexseg.cluster import check_name, joined
from lexseg.errors import ConfigError

FILMS = Path(lexseg.__file__).parent / "assets" / "examples" / "images"


@pytest.mark.parametrize(("name", "address"), [("ray", ""), ("ray:10.0.0.1:6379", "10.0.0.1:6379")])
def test_a_cluster_is_named(name, address):
    assert check_name(name) == address


@pytest.mark.parametrize("name", ["slurm", "rays", "http://x"])
def test_another_kind_of_cluster_is_refused(name):
    with pytest.raises(ConfigError, match="'ray' was expected"):
        check_name(name)


def test_without_ray_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"lexseg\[ray\]"), joined("ray"):
        pass


def test_a_cluster_only_asks_a_model(capsys, tmp_path):
    from lexseg.cli.main import main

    told = ["--predictions", str(tmp_path), "--cluster", "ray", "--output", str(tmp_path / "x")]
    assert main(["evaluate", str(tmp_path / "cases.csv"), *told]) == 1
    assert "leave it out with" in capsys.readouterr().err


@pytest.fixture(scope="module")
def nodes():
    """Two nodes of one processor each; `lose` ends the second as a power cut would."""
    pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()


@contextlib.contextmanager
def lexseg_on(cluster, *arguments, cwd):
    environment = os.environ | {"RAY_ADDRESS": cluster.address, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "lexseg", *arguments, "--cluster", "ray"]
    with subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        yield process


def results(folder):
    """The bytes of each file; of numbers without the seconds that they took."""
    found = {}
    for path in sorted(folder.iterdir()):
        found[path.name] = path.read_bytes()
        if path.suffix == ".json":
            values = json.loads(found[path.name])
            values.pop("seconds")
            found[path.name] = values
    return found


@pytest.mark.slow
def test_a_lost_machine_loses_nothing(nodes, tmp_path, capfd):
    """And what comes out is what one machine writes, byte for byte."""
    from lexseg.cli.main import main

    table = tmp_path / "films.csv"
    films = sorted(FILMS.glob("*.png"))
    for n in range(3):  # each film thrice, under other names
        for film in films:
            (tmp_path / f"{n}{film.name}").write_bytes(film.read_bytes())
    names = [f"{n}{film.name}" for n in range(3) for film in films]
    table.write_text("image,text\n" + "".join(f"{name},infection in the left lung\n" for name in names))
    with contextlib.chdir(tmp_path):
        assert main(["segment", "films.csv", "--output", "alone", "--workers", "1"]) == 0
    alone = capfd.readouterr().out
    with lexseg_on(nodes, "segment", "films.csv", "--output", "many", cwd=tmp_path) as process:
        deadline = time.monotonic() + 240
        while not list(tmp_path.glob("many/*_mask.png")) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert process.poll() is None
        nodes.remove_node(nodes.second, allow_graceful=False)
        out, _ = process.communicate(timeout=300)
    assert process.returncode == 0, out
    assert results(tmp_path / "many") == results(tmp_path / "alone")
    said = [line for line in out.splitlines() if " -> " in line]
    assert said == [line.replace("alone/", "many/") for line in alone.splitlines() if " -> " in line]
    # what is wrong with an image is said as ever
    (tmp_path / "bad.png").write_bytes(b"no image")
    with lexseg_on(nodes, "segment", "bad.png", "--output", "bad", cwd=tmp_path) as process:
        out, _ = process.communicate(timeout=300)
    assert process.returncode == 1 and "bad.png" in out and "Traceback" not in out


@pytest.mark.slow
@pytest.mark.data
def test_scores_are_those_of_one_machine(nodes, data_root, tmp_path, capfd):
    from lexseg.cli.main import main

    cases = str(data_root / "breast_us_birads/cases.csv")
    told = ["evaluate", "default", cases, "--split", "val", "--probes", "", "--resamples", "20"]
    with contextlib.chdir(tmp_path):
        assert main([*told, "--output", "alone"]) == 0
    with lexseg_on(nodes, *told, "--output", "many", cwd=tmp_path) as process:
        out, _ = process.communicate(timeout=300)
    assert process.returncode == 0, out
    assert (tmp_path / "many/cases.csv").read_bytes() == (tmp_path / "alone/cases.csv").read_bytes()


@pytest.mark.slow
def test_a_cell_is_a_task_that_ends_as_its_process_does(nodes, tmp_path, monkeypatch):
    from lexseg.comparison.on_cluster import launch_task

    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    (tmp_path / "cell").mkdir()
    with joined("ray"):
        task = launch_task(tmp_path / "cell", {"OMP_NUM_THREADS": "1"})
        assert task.wait() != 0  # there is no job in the folder
        assert task.poll() is not None
    assert (tmp_path / "cell/log.txt").read_text()
