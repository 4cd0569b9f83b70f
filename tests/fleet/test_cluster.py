"""A real cluster of this machine: workers and machines are killed, and every picture is painted once."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from fastnst.cli import run
from fastnst.fleet import crew as crew_module
from fastnst.fleet import stylize
from fastnst.remote import listing, place

ray = pytest.importorskip("ray", reason="needs the extra ray")

PATIENCE = 600
"""Seconds; a cluster takes ten to start on a machine that does nothing else, and far more on others."""

pytestmark = pytest.mark.timeout(PATIENCE)


@pytest.fixture(scope="module", autouse=True)
def patient():
    """Let Ray's processes take long to start, as they do on a busy machine, where it gives the agents 15 s."""
    from ray._private import services
    from ray._raylet import DASHBOARD_AGENT_LISTEN_PORT_NAME, persist_port

    start = services.start_raylet

    def start_raylet(*more, **settings):
        persist_port(more[11], more[2], DASHBOARD_AGENT_LISTEN_PORT_NAME, -1)  # as the agent says, which has no page
        return start(*more, **settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "start_raylet", start_raylet)
        patch.setenv("RAY_worker_niceness", "0")
        patch.setenv("RAY_agent_register_timeout_ms", str(PATIENCE * 500))
        patch.setenv("RAY_worker_register_timeout_seconds", str(PATIENCE // 2))
        patch.setattr(crew_module, "WAIT", PATIENCE / 2)
        yield


@pytest.fixture
def pictures(make_picture, tmp_path, monkeypatch) -> Path:
    """Sixty small photographs in a tree, and a broken one, in ``in``."""
    monkeypatch.chdir(tmp_path)
    for number in range(60):
        path = tmp_path / "in" / f"{'abc'[number % 3]}/{number:02}.{('png', 'jpg')[number % 2]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        make_picture(160 + number % 7, 120, seed=number).save(path)
    (tmp_path / "in/broken.png").write_bytes(b"none")
    return tmp_path


@pytest.fixture
def words(model_file) -> list[str]:
    return ["stylize", "--model", str(model_file), "--device", "cpu", "--engine"]


def files(top: str) -> dict[str, bytes]:
    return {name: (place(top) / name).read_bytes() for name in listing(place(top)) if "manifest" not in name}


def painted_plainly(words: list[str], given: str = "in", out: str = "out") -> dict[str, bytes]:
    """Paint by the folder engine, and move the results away."""
    assert run([*words, "torch", given, "--out", out]) == 3
    plain = files(out)
    if "://" not in out:
        Path(out).rename("plain")
    return plain


def test_a_cluster_paints_what_the_folder_engine_paints(pictures, words, capsys):
    plain = painted_plainly(words)
    code = run([*words, "ray", "in", "--out", "out"])
    if "Ray did not start" in capsys.readouterr().err:
        pytest.skip("this machine is too busy to start Ray in its 30 s")
    assert code == 3
    assert files("out") == plain
    assert not ray.is_initialized()


def children(process: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, IndexError):
            if entry.name.isdigit() and int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == process:
                found.append(int(entry.name))
    return found


def ports() -> dict[str, int]:
    """Choose ports for the agents of a machine: Ray waits 15 s for those that it does not know."""
    names = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in names]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return {name: each.getsockname()[1] for name, each in zip(names, sockets, strict=True)}


def begun(start):
    """Start a part of Ray, which gives its processes half a minute; on a busy machine once more, and again."""
    for _ in range(8):
        before = set(children(os.getpid()))
        try:
            return start()
        except Exception as error:  # Ray raises just that where its processes take too long
            reason = error
            for process in set(children(os.getpid())) - before:
                os.kill(process, signal.SIGKILL)
    return pytest.skip(f"this machine is too busy to start Ray ({reason})")


class Cluster:
    """Two machines of one CPU each, as far as Ray can tell; the first holds Ray's own processes."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster as Nodes

        machine = {"num_cpus": 1, "object_store_memory": 2**27, "include_log_monitor": False}
        head = machine | {"include_dashboard": False, "no_monitor": True}
        self.nodes = begun(lambda: Nodes(initialize_head=True, head_node_args=head | ports()))
        self.second = begun(lambda: self.nodes.add_node(**machine, **ports()))
        ray.init(address=self.nodes.address, log_to_driver=False, logging_level="ERROR")

    def workers(self, node=None) -> list[int]:
        """Return the processes of the workers of a machine, the second by default."""
        below = children((node or self.second).all_processes["raylet"][0].process.pid)
        return [process for process in below if b"Worker" in Path(f"/proc/{process}/cmdline").read_bytes()]

    def stop(self) -> None:
        ray.shutdown()
        self.nodes.shutdown()


@pytest.fixture(scope="module")
def cluster(s3):
    """It is in the environment of the S3 server."""
    started = Cluster()
    yield started
    started.stop()


class Saboteur:
    """Wait until both machines have a worker; do something when so many half batches have come back."""

    def __init__(self, monkeypatch, when: int, act) -> None:
        self.given, self.results, self.lost, self.when, self.act = Counter(), 0, 0, when, act
        begin, give, take = crew_module.Crew.__init__, crew_module.Crew.give, stylize.Driver._take

        def both_ready(crew, *more):
            begin(crew, *more)
            while len(crew.members) < 2:
                list(crew.wait())

        def counted(crew, member, batch, items):
            self.given.update(str(source) for source, _ in items)
            give(crew, member, batch, items)

        def taken(driver, event):
            take(driver, event)
            self.results += event.lost is None
            self.lost += event.lost is not None
            if self.results == self.when:
                self.when = 0
                self.act()

        monkeypatch.setattr(crew_module.Crew, "__init__", both_ready)
        monkeypatch.setattr(crew_module.Crew, "give", counted)
        monkeypatch.setattr(stylize.Driver, "_take", taken)
        monkeypatch.setattr(stylize, "PICTURES", 3)

    def repeated(self) -> int:
        return sum(self.given.values()) - len(self.given)


def lines(path: str) -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def kill_worker(cluster: Cluster) -> None:
    (worker,) = cluster.workers()
    os.kill(worker, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("out", ["out", "out.parquet"])
def test_a_worker_that_is_killed_loses_nothing(pictures, words, cluster, monkeypatch, out):
    plain = painted_plainly(words)
    saboteur = Saboteur(monkeypatch, 3, lambda: kill_worker(cluster))
    assert run([*words, "ray", "in", "--out", out]) == 3
    assert saboteur.lost == 1
    assert saboteur.repeated() <= 2 * 3
    if out == "out":
        assert files("out") == plain
        told = lines("out/manifest.jsonl")
    else:
        from pyarrow import parquet

        rows = parquet.read_table(out).to_pylist()
        assert sorted(row["image"]["path"] for row in rows) == sorted(plain)
        told = lines("out.parquet/_manifest.jsonl")
    assert Counter(line["source"] for line in told) == Counter(dict.fromkeys(saboteur.given, 1))
    print(f"{out}: {len(told)} told, {saboteur.lost} lost, {saboteur.repeated()} given again")


@pytest.mark.slow
def test_from_store_to_store_with_a_worker_that_is_killed(pictures, words, cluster, s3, monkeypatch):
    for path in Path("in").rglob("*.*"):
        (place(f"{s3}/in") / path.relative_to("in")).write_bytes(path.read_bytes())
    saboteur = Saboteur(monkeypatch, 3, lambda: kill_worker(cluster))
    assert run([*words, "ray", f"{s3}/in", "--out", f"{s3}/out"]) == 3
    first = files(f"{s3}/out")
    assert saboteur.lost == 1
    assert len(first) == 60
    assert run([*words, "torch", f"{s3}/in", "--out", f"{s3}/out", "--overwrite"]) == 3
    assert files(f"{s3}/out") == first


@pytest.mark.slow
def test_a_picture_that_kills_its_workers_is_given_up_and_the_others_are_painted(
    pictures, words, cluster, monkeypatch, capfd
):
    """The worker is shown a picture on which it ends, as for want of memory."""
    from PIL import Image

    Image.new("RGB", (200, 13)).save("in/deadly.png")
    Path("sitecustomize_fatal.py").write_text(
        "import os, fastnst.inference.folder as folder\n"
        "paint = folder.paint\n"
        "def fatal(painter, pictures):\n"
        "    return os._exit(9) if pictures[0].size == (13, 200) else paint(painter, pictures)\n"
        "folder.paint = fatal\n"
    )
    real = stylize.Worker

    class Fatal(real):
        def __init__(self, *more) -> None:
            super().__init__(*more)
            sys.path.insert(0, str(Path.cwd()))
            __import__("sitecustomize_fatal")

    monkeypatch.setattr(stylize, "Worker", Fatal)
    monkeypatch.setattr(stylize, "PICTURES", 3)
    assert run([*words, "ray", "in", "--out", "out"]) == 3
    assert len(files("out")) == 60
    failed = {line["source"]: line["error"] for line in lines("out/manifest.jsonl") if "error" in line}
    assert set(failed) == {"in/broken.png", "in/deadly.png"}
    assert "in/deadly.png: took 4 workers with it" in failed["in/deadly.png"]


@pytest.mark.slow
def test_a_machine_that_is_killed_loses_nothing(pictures, words, cluster, monkeypatch):
    plain = painted_plainly(words)
    saboteur = Saboteur(monkeypatch, 3, lambda: cluster.nodes.remove_node(cluster.second, allow_graceful=False))
    assert run([*words, "ray", "in", "--out", "out"]) == 3
    assert files("out") == plain
    assert saboteur.lost == 1
    assert saboteur.repeated() <= 2 * 3
    assert len(lines("out/manifest.jsonl")) == 61
    print(f"{saboteur.lost} lost, {saboteur.repeated()} given again")


@pytest.mark.slow
def test_a_driver_that_is_killed_goes_on_where_it_stood(pictures, words):
    plain = painted_plainly(words)
    command = [sys.executable, "-m", "fastnst", *words, "ray", "in", "--out", "out"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    driver = subprocess.Popen(command, **quiet)
    manifest = Path("out/manifest.jsonl")
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not (manifest.exists() and len(manifest.read_bytes().splitlines()) >= 5):
        time.sleep(0.05)
    driver.kill()
    driver.wait()
    before = len(lines(str(manifest)))
    assert subprocess.run([*command, "--skip_existing"], timeout=PATIENCE, check=False).returncode == 3
    assert files("out") == plain
    again = Counter(line["source"] for line in lines(str(manifest)) if "error" not in line)
    assert max(again.values()) == 1
    print(f"{before} told before the kill, {len(again)} in all, none twice")
