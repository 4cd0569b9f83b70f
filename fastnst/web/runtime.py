"""The program that computes in the browser, ONNX Runtime Web: fetched once by npm, pinned, kept in the user's cache."""

import base64
import gzip
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from fastnst.errors import ConfigError, first_line

PACKAGE, VERSION, LICENSE = "onnxruntime-web", "1.30.0", "MIT"

INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""Of the archive, as npm states it."""

KINDS = {
    "wasm": {
        "script": ("ort.wasm.min.mjs", "ort-wasm.js"),
        "glue": ("ort-wasm-simd-threaded.mjs", "wasm.js"),
        "binary": ("ort-wasm-simd-threaded.wasm", "wasm.gz"),
    },
    "webgpu": {
        "script": ("ort.webgpu.min.mjs", "ort-webgpu.js"),
        "glue": ("ort-wasm-simd-threaded.asyncify.mjs", "webgpu.js"),
        "binary": ("ort-wasm-simd-threaded.asyncify.wasm", "webgpu.gz"),
    },
}
"""For processors and for graphics cards: files of the package, and what they are called here.

Scripts end in ``.js``, because hosts serve ``.mjs`` as no script; binaries are compressed, because few hosts do that.
"""

SECONDS = 600
"""npm may take so long."""


class FetchError(ValueError):
    """The runtime cannot be had; the message says why, and how else to get it."""


def find_runtime(archive: Path | None = None) -> Path:
    """Return the folder with the runtime's files, as :data:`KINDS` names them.

    Args:
        archive: What ``npm pack`` wrote, for machines without npm or network; by default what is in the cache, or else
            what npm fetches.

    Raises:
        ConfigError: npm is needed and not installed.
        FetchError: npm failed, or the archive is another one.
    """
    folder = cache() / f"{PACKAGE}-{VERSION}"
    if archive is None and folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory() as temporary:
        found = archive or _fetch(Path(temporary))
        return _keep(_verified(found), folder)


def cache() -> Path:
    """Return the folder where this user's programs keep what they can fetch again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fastnst"


def _fetch(folder: Path) -> Path:
    npm = shutil.which("npm")
    remedy = f"run 'npm pack {PACKAGE}@{VERSION}' where there is npm, and give the file as --runtime"
    if npm is None:
        raise ConfigError(f"npm, which fetches {PACKAGE}, is not installed; install it, or {remedy}")
    words = [npm, "pack", f"{PACKAGE}@{VERSION}", "--silent", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise FetchError(f"npm did not fetch {PACKAGE} in {SECONDS // 60} minutes; {remedy}") from None
    found = next(folder.glob("*.tgz"), None)
    if done.returncode or found is None:
        reason = first_line(ValueError(done.stderr or "no file")).removeprefix("npm error ")
        raise FetchError(f"npm cannot fetch {PACKAGE} ({reason}); {remedy}")
    return found


def _verified(archive: Path) -> Path:
    try:
        with archive.open("rb") as file:
            digest = hashlib.file_digest(file, "sha512").digest()
    except OSError as error:
        raise FetchError(f"{archive}: cannot be read ({error.strerror})") from None
    if f"sha512-{base64.b64encode(digest).decode()}" != INTEGRITY:
        raise FetchError(f"{archive}: is not {PACKAGE} {VERSION}; its sha512 is another")
    return archive


def _keep(archive: Path, folder: Path) -> Path:
    """Put the files that are used into the cache, complete or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fastnst-") as temporary:
        made = Path(temporary) / "files"
        made.mkdir()
        with tarfile.open(archive) as packed:
            for files in KINDS.values():
                for source, name in files.values():
                    member = packed.extractfile(f"package/dist/{source}")
                    assert member is not None, "the archive is the one that was looked at"
                    data = member.read()
                    (made / name).write_bytes(gzip.compress(data, 9, mtime=0) if name.endswith(".gz") else data)
        shutil.rmtree(folder, ignore_errors=True)
        made.replace(folder)
    return folder
