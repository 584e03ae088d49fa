"""socli doctor"""

import os
import platform
import shutil
from pathlib import Path

from socli import __version__, home
from socli.cli import app, options, wiring
from socli.errors import SocliError

PACKAGES = ("torch", "transformers", "datasets", "openai", "sqlite-utils", "typer", "rich")


@app.command()
def doctor(base_url: options.BaseUrl = None, store: options.Store = None, json: options.Json = False) -> None:
    """Say what this machine has: versions, device, memory, disk, models, data, store, teacher."""
    from importlib.metadata import version

    facts = {
        "socli": __version__,
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        **_machine(),
        **_files(store),
    }
    if base_url:
        facts["teacher"] = _endpoint(base_url)
    if json:
        wiring.print_json(facts)
    else:
        wiring.table(("", ""), list(facts.items()), shown=False)


def _machine() -> dict[str, str]:
    import torch

    from socli.engine import student

    where = student.device()
    name = torch.cuda.get_device_name() if where.type == "cuda" else f"{torch.get_num_threads()} threads"
    page = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    memory = page * os.sysconf("SC_PHYS_PAGES") / 2**30 if page else 0
    return {
        "device": f"{where}, {name}, {student.fast_precision(where)}",
        "memory": f"{memory:.0f} GB" if memory else "not known",
    }


def _files(chosen: Path | None) -> dict[str, str]:
    from socli import models

    folder = home.made(home.home())
    here = [one.name for one in models.listed() if one.folder]
    data = os.environ.get("SOCLI_DATA")
    return {
        "home": f"{folder}, {shutil.disk_usage(folder).free / 2**30:.0f} GB free",
        "models": ", ".join(here) or "none fetched yet",
        "data": f"{data}{'' if Path(data).is_dir() else ' (not there)'}" if data else "SOCLI_DATA is not set",
        "store": _store(chosen),
    }


def _store(chosen: Path | None) -> str:
    path = home.store_path(chosen)
    if not path.exists():
        return f"{path}, not made yet"
    try:
        with wiring.opened(chosen) as db:
            faults, counts = db.check(), db.counts()
    except SocliError as error:
        return str(error)
    state = f"damaged: {faults[0]}" if faults else "good"
    return (
        f"{path}, {state}, {counts['problems']} problems, {counts['kept']} kept traces, {counts['runs']} runs"
    )


def _endpoint(base_url: str) -> str:
    """Whether the teacher's list of models answers, without sending a key."""
    import urllib.error
    import urllib.request

    if not base_url.startswith(("http://", "https://")):
        return f"{base_url} is no http address"
    try:
        with urllib.request.urlopen(f"{base_url.rstrip('/')}/models", timeout=5) as answer:  # noqa: S310
            return f"answers, HTTP {answer.status}"
    except urllib.error.HTTPError as error:
        return f"answers, HTTP {error.code}"
    except (OSError, ValueError) as error:
        return f"does not answer: {getattr(error, 'reason', error)}"
