"""A style that goes to the hub: the file as it is, a card, and a sample of what it paints."""

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from fastnst.assets import find_style, hub_client
from fastnst.assets.hub import CARD
from fastnst.assets.hub_client import HubError
from fastnst.atomic import replacing
from fastnst.checkpoint import load_checkpoint
from fastnst.errors import ConfigError
from fastnst.images import write_image
from fastnst.inference.export import known_license
from fastnst.sharing.card import Facts, card
from fastnst.sharing.sample import sample

SAMPLE = "sample.jpg"
REPO = re.compile(r"[A-Za-z0-9][\w-]*/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)


@dataclass(frozen=True)
class PushJob:
    """A style to be shared; plain data.

    Args:
        model: A trained file, or a bundled style by name.
        repo: ``USER/NAME``; the file is called NAME there.
        private: Make the repository a private one.
        license: Of the weights, as ``mit`` or ``cc-by-4.0``; by default that of what comes with this program, or what
            an imported file says.
        photo: The photograph that the sample shows; see :func:`~fastnst.sharing.sample.sample`.
        overwrite: Replace files of these names that are there.

    Raises:
        ConfigError: ``repo`` is no such name.
    """

    model: str
    repo: str
    private: bool = False
    license: str | None = None
    photo: str | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not REPO.fullmatch(self.repo) or ".." in self.repo or "--" in self.repo:
            raise ConfigError(f"{self.repo!r}: must be USER/NAME, of letters, digits, -, _ and .")

    @property
    def name(self) -> str:
        """Of the repository, without its owner."""
        return self.repo.partition("/")[2]

    @property
    def file(self) -> str:
        """What the style's file is called there, so that what is painted with it is named well."""
        return f"{self.name}.safetensors"


@dataclass(frozen=True)
class Pushed:
    """What is on the hub now.

    Args:
        address: To paint with: ``hf://USER/NAME``.
        url: Of the page.
        commit: Of the repository.
        sha256: Of the style's file.
    """

    address: str
    url: str
    commit: str
    sha256: str


def run(job: PushJob) -> Pushed:
    """Bring a style to the hub, in one commit.

    Raises:
        CheckpointError: The file is not a style.
        ConfigError: No such style, or the repository holds one already.
        HubError: Not logged in, not allowed, or no way to the hub; nothing of the style is there then.
    """
    if hub_client.token() is None:
        raise HubError(f"not logged in to {hub_client.host()}: {hub_client.LOGIN}")
    with TemporaryDirectory() as folder:
        digest = lay_out(job, Path(folder))
        files = {path.name: path for path in sorted(Path(folder).iterdir())}
        with hub_client.explained(job.repo):
            _prepare(job, set(files))
            url, commit = hub_client.commit(job.repo, files, f"{job.file}, sha256 {digest[:12]}")
    return Pushed(f"hf://{job.repo}", url, commit, digest)


def lay_out(job: PushJob, folder: Path) -> str:
    """Write the files that go to the hub into a folder; return the sha256 of the style's.

    Raises:
        CheckpointError: The file is not a style.
        ConfigError: Not a ``.safetensors``.
        ImageError: The photograph cannot be read.
    """
    file = find_style(job.model)
    if file.suffix in (".onnx", ".pt2"):
        raise ConfigError(f"{file}: is an export; push the .safetensors that it is from")
    network, metadata = load_checkpoint(file)
    data = file.read_bytes()
    digest = sha256(data).hexdigest()
    write_image(sample(file, network, metadata, job.name, job.photo), folder / SAMPLE)
    facts = Facts(job.repo, job.file, digest, len(data), job.license or known_license(metadata, file), SAMPLE)
    _write(folder / job.file, data)
    _write(folder / CARD, card(metadata, network, facts).encode())
    return digest


def _write(path: Path, data: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def _prepare(job: PushJob, names: set[str]) -> None:
    """Make the repository, or see that nothing in it is lost."""
    there = hub_client.repository(job.repo)
    if there is None:
        hub_client.create(job.repo, job.private)
        return
    if job.private and not there.private:
        raise ConfigError(f"{job.repo} is there and public; --private is for a new repository")
    taken = sorted(names & there.files)
    if taken and not job.overwrite:
        raise ConfigError(f"{job.repo} holds {', '.join(taken)} already; choose another name, or give --overwrite")
