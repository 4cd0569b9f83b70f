"""The hub's own client, which comes with ``datasets``: imported when it is needed, kept silent, errors in one line."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastnst import __version__
from fastnst.errors import ConfigError, first_line

LOGIN = "set HF_TOKEN, or log in by: hf auth login"
OURS: dict[str, Any] = {"library_name": "fastnst", "library_version": __version__}


class HubError(OSError):
    """A style cannot be had from the hub, or brought there; the message says why."""


@dataclass(frozen=True)
class Listed:
    """What the hub says of a file, as far as it does."""

    size: int | None
    sha256: str | None


def api() -> Any:
    """Return the client."""
    from huggingface_hub import HfApi

    return HfApi(**OURS)


def may_ask() -> bool:
    """Say whether ``HF_HUB_OFFLINE`` leaves the network to be used."""
    from huggingface_hub import constants

    return not constants.HF_HUB_OFFLINE


def host() -> str:
    """Return the address of the hub that is asked."""
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def errors() -> tuple[type[BaseException], ...]:
    """Return what the client raises, with what the library raises that it speaks HTTP with."""
    from huggingface_hub.errors import HfHubHTTPError

    return (OSError, *HfHubHTTPError.__bases__)


def is_answer(error: BaseException) -> bool:
    """Say whether the hub answered, and not that it is out of order: asking again would not help."""
    status = _status(error)
    return status is not None and status < 500


def _status(error: BaseException) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def list_files(repo: str, revision: str | None) -> Mapping[str, Listed]:
    """Return the files of a repository by name."""
    info = api().model_info(repo, revision=revision, files_metadata=True, timeout=10)
    return {one.rfilename: Listed(one.size, one.lfs.sha256 if one.lfs else None) for one in info.siblings or ()}


@dataclass(frozen=True)
class Repository:
    """A repository that is there: the names of its files, and whether it is private."""

    files: frozenset[str]
    private: bool


def repository(repo: str) -> Repository | None:
    """Return what is on the hub under a name, or nothing where there is nothing."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        info = api().model_info(repo, timeout=10)
    except GatedRepoError:
        raise
    except RepositoryNotFoundError:
        return None
    return Repository(frozenset(one.rfilename for one in info.siblings or ()), bool(info.private))


def token() -> str | None:
    """Return the token from the environment or from what was stored by a login; it is never written anywhere."""
    from huggingface_hub import get_token

    return get_token()


def create(repo: str, private: bool) -> None:
    """Make a repository."""
    api().create_repo(repo, private=private, repo_type="model")


def commit(repo: str, files: Mapping[str, Path], message: str) -> tuple[str, str]:
    """Bring files to a repository at once; return the address of its page, and the commit."""
    from huggingface_hub import CommitOperationAdd

    added = [CommitOperationAdd(name, str(path)) for name, path in files.items()]
    with _silent():
        done = api().create_commit(repo, added, commit_message=message)
    return f"{host()}/{repo}", str(done.oid)


def getter(repo: str, revision: str | None) -> Callable[[str], Path]:
    """Return what fetches a file of a repository."""
    from huggingface_hub import hf_hub_download

    def get(name: str) -> Path:
        with _silent():
            return Path(hf_hub_download(repo, name, revision=revision, **OURS))

    return get


def cached_folder(repo: str, revision: str | None) -> Path | None:
    """Return the folder of a repository in the cache, if it is there."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repo, revision=revision, local_files_only=True, allow_patterns=["README.md"]))
    except LocalEntryNotFoundError:
        return None


@contextmanager
def _silent() -> Iterator[None]:
    """Keep the client's bars away: a style has a few megabytes."""
    from huggingface_hub import utils

    before = utils.are_progress_bars_disabled()
    if not before:
        utils.disable_progress_bars()
    try:
        yield
    finally:
        if not before:
            utils.enable_progress_bars()


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what the client raises into one line about ``what``.

    Raises:
        HubError: In place of the client's errors.
    """
    try:
        yield
    except (HubError, ConfigError):
        raise
    except errors() as error:
        raise HubError(f"{what}: {explain(error)}") from error
    except RuntimeError as error:  # of a transfer, whose cause says more
        raise HubError(f"{what}: {first_line(error)} ({first_line(error.__cause__ or error)})") from error


def explain(error: BaseException) -> str:
    """Say what an error of the client means, and what helps."""
    from huggingface_hub import errors as known

    status = _status(error)
    if status is None:
        return f"the hub at {host()} cannot be reached ({first_line(error)})"
    if isinstance(error, known.GatedRepoError):
        return f"its owner gives access on request; ask for it on the page of the repository, then {LOGIN}"
    if isinstance(error, known.RepositoryNotFoundError):
        return f"no such repository at {host()}, or one that is private; check the name, or {LOGIN}"
    if isinstance(error, known.RevisionNotFoundError):
        return "no such revision; give a branch, a tag or a commit behind the @"
    if status == 401:
        return f"the hub does not accept the token; {LOGIN}"
    if status == 403:
        return f"the hub does not allow that to this account ({first_line(error)})"
    return f"the hub answers {status} ({first_line(error)})"
