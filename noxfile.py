"""Every task a person or CI runs: `nox -l` lists them, `nox` runs the tests, `nox -s NAME` one of them."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(f"polyloss: nox must run on Python 3.11, 3.12 or 3.13. This is {sys.version.split()[0]}.")

import nox

nox.needs_version = ">=2026.1"
nox.options.default_venv_backend = "virtualenv"  # plain pip: the CPU build of torch is one that pip alone may find
nox.options.reuse_venv = "yes"
nox.options.error_on_external_run = True

ROOT = pathlib.Path(__file__).parent
PROJECT = nox.project.load_toml("pyproject.toml")
BACKENDS = sorted(p.parent.name for p in (ROOT / "backends").glob("*/requirements.txt"))
TRAINING = [b for b in BACKENDS if (ROOT / "polyloss" / "framework" / f"{b}.py").exists()]
WORKERS = ("-n", "auto", "--maxprocesses=4", "--dist=worksteal")  # one process a core runs the tests: pytest-xdist
EXAMPLES = sorted(p.name for p in (ROOT / "docs" / "examples").glob("*.py"))


def install(session: nox.Session, backend: str, *groups: str, build: str = "requirements") -> None:
    """Polyloss as checked out with its command line, one backend, and what the session needs."""
    requirements = ROOT / "backends" / backend / f"{build}.txt"
    if not requirements.exists():
        session.skip(f"not run: {backend} has no {build} build")
    session.install("-e", ".[study]", "-r", str(requirements), *nox.project.dependency_groups(PROJECT, *groups))
    environment(session, backend)


def environment(session: nox.Session, backend: str) -> None:
    """The backend, quietly, and one thread an op: the tensors of the tests are small."""
    session.env.update(KERAS_BACKEND=backend, TF_CPP_MIN_LOG_LEVEL="3", PYTHONUNBUFFERED="1")
    session.env.setdefault("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))


def groups_for(backend: str) -> list[str]:
    """What the tests of a backend need, and what the examples do, which train."""
    return ["test", "example"] if backend in TRAINING else ["test"]


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff (style, banned ops) and mypy on polyloss/."""
    session.install("-e", ".", *nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session
@nox.parametrize("backend", BACKENDS, ids=BACKENDS)
def tests(session: nox.Session, backend: str) -> None:
    """Every check of every loss on one backend, and the examples at smoke size."""
    install(session, backend, *groups_for(backend))
    chosen = [arg for arg in session.posargs if arg != "--write"]  # that one is for `agreement`, which runs us first
    session.run("python", "-m", "pytest", *WORKERS, *chosen)
    if backend in TRAINING and not chosen:
        for example in EXAMPLES:
            session.run("python", f"docs/examples/{example}", "--smoke")


@nox.session(requires=[f"tests({b})" for b in BACKENDS])
def agreement(session: nox.Session) -> None:
    """Compare what the backends measured; save on one, load on the next. `-- --write` renews the README's table."""
    session.install("rich>=14", "numpy", "mpmath", "ml-dtypes")
    session.run("python", "tests/agreement.py", *session.posargs)
    folder = pathlib.Path(session.create_tmp()) / "handover"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for backend, following in zip(TRAINING, [*TRAINING[1:], TRAINING[0]], strict=True):
        for task, name in (("save", backend), ("load", following)):
            environment(session, name)
            session.run(sibling(session, f"tests-{name}"), "tests/system/handover.py", task, str(folder), external=True)
    siblings = [f"{name}={sibling(session, f'tests-{name}')}" for name in TRAINING]
    session.run("python", "tests/system/handover_adversarial.py", *siblings)


@nox.session(requires=[f"tests({b})" for b in TRAINING])
def study(session: nox.Session) -> None:
    """Studies across the backends, each in the venv of its tests: planted differences are found, faults survived."""
    interpreters = {backend: sibling(session, f"tests-{backend}") for backend in TRAINING}
    environment(session, TRAINING[0])
    session.env["POLYLOSS_PYTHON"] = os.pathsep.join(f"{backend}={path}" for backend, path in interpreters.items())
    session.run(
        interpreters[TRAINING[0]], "-m", "pytest", *WORKERS, *(session.posargs or ["tests/across"]), external=True
    )


@nox.session
def docs(session: nox.Session) -> None:
    """The site, into build/site: a warning, a bad formula, a broken link or reference fails."""
    install(session, "jax", "docs", "test")
    site = ROOT / "build" / "site"
    shutil.rmtree(site, ignore_errors=True)
    session.run("python", "-m", "sphinx", "-W", "--keep-going", "-q", "-d", "build/doctrees", "docs", str(site))
    session.run("python", "-m", "pytest", "tests/site")
    session.log(f"open {site / 'index.html'}")


def sibling(session: nox.Session, name: str) -> str:
    """The interpreter of another session's venv."""
    here = pathlib.Path(session.virtualenv.location).parent / name
    return str(here / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


@nox.session
def build(session: nox.Session) -> None:
    """The wheel installs and runs outside the checkout."""
    session.install(*nox.project.dependency_groups(PROJECT, "build"))
    dist = pathlib.Path(session.create_tmp()) / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(dist))
    (wheel,) = dist.glob("*.whl")
    session.install("--force-reinstall", "--no-deps", str(wheel))
    session.install("-r", "backends/numpy/requirements.txt")
    environment(session, "numpy")
    session.cd(dist)
    session.run(
        "python", "-W", "ignore", "-c",
        "import polyloss, pathlib, importlib.metadata as m;"
        "assert 'site-packages' in polyloss.__file__, polyloss.__file__;"
        "assert m.version('keras-polyloss') == polyloss.__version__;"
        "assert (pathlib.Path(polyloss.__file__).parent / 'py.typed').exists();"
        "print(polyloss.__version__, float(polyloss.FocalLoss(from_logits=True)([[1.0]], [[0.0]])))",
    )  # fmt: skip


# -- not by default -------------------------------------------------------------------------------


@nox.session(default=False)
@nox.parametrize("backend", TRAINING, ids=TRAINING)
def fits(session: nox.Session, backend: str) -> None:
    """A model trained with every loss: `tests` trains with one loss of each kind."""
    install(session, backend, "test")
    session.env["POLYLOSS_FIT"] = "all"
    session.run("python", "-m", "pytest", *WORKERS, *(session.posargs or ["tests/checks/test_training.py"]))


@nox.session(default=False)
def quickstart(session: nox.Session) -> None:
    """One Keras model a backend with FocalLoss on real data; a table and a picture that compare them."""
    requirements = [arg for b in TRAINING for arg in ("-r", f"backends/{b}/requirements.txt")]
    session.install("-e", ".", *requirements, *nox.project.dependency_groups(PROJECT, "example"))
    environment(session, TRAINING[0])
    session.run("python", "docs/examples/focal_digits.py", "--all", *session.posargs)


@nox.session(default=False, requires=["docs"])
def browser(session: nox.Session) -> None:
    """The built site and the study's report in a headless Chromium: Debian's package, CHROMIUM=, or playwright's own."""
    install(session, "jax", "test", "example", "browser")
    session.run("python", "-m", "pytest", *(session.posargs or ["tests/browser"]))


@nox.session(default=False)
@nox.parametrize("backend", TRAINING, ids=TRAINING)
def distributed(session: nox.Session, backend: str) -> None:
    """Losses on several devices and processes, under each engine: equal to one device, in value and gradient."""
    install(session, backend, "test")
    session.run("python", "-m", "pytest", "-n", "2", "--dist=worksteal", *(session.posargs or ["tests/distributed"]))


@nox.session(default=False)
@nox.parametrize("backend", TRAINING, ids=TRAINING)
def gpu(session: nox.Session, backend: str) -> None:
    """Values, gradients, compilation and training with the tensors on a GPU."""
    on_device(session, backend, "cuda", "gpu")


@nox.session(default=False)
@nox.parametrize("backend", TRAINING, ids=TRAINING)
def tpu(session: nox.Session, backend: str) -> None:
    """The same on a TPU."""
    on_device(session, backend, "tpu", "tpu")


def on_device(session: nox.Session, backend: str, build: str, device: str) -> None:
    """The device checks, or one line that says why not."""
    if not list(pathlib.Path("/dev").glob({"gpu": "nvidia[0-9]*", "tpu": "accel*"}[device])):
        if os.environ.get("POLYLOSS_REQUIRE_DEVICE") == "1":
            session.error(f"POLYLOSS_REQUIRE_DEVICE=1, but there is no {device} on this machine")
        session.skip(f"not run: there is no {device} on this machine")
    install(session, backend, "test", build=build)
    session.env["POLYLOSS_DEVICE"] = device
    session.run("python", "-m", "pytest", "tests/device", *session.posargs)


@nox.session(default=False)
@nox.parametrize("backend", BACKENDS, ids=BACKENDS)
def minimums(session: nox.Session, backend: str) -> None:
    """The tests with the lowest versions that pyproject.toml allows."""
    if sys.version_info[:2] != (3, 11):
        session.skip("not run: the lowest versions have wheels for Python 3.11 only")
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    allowed = [*project["dependencies"], *extras["jax"], *extras.get(backend, [])]  # the NumPy backend borrows from jax
    versions = dict(r.upper().split(">=") for r in allowed)
    session.env.update({f"LOWEST_{name}": version for name, version in versions.items()})  # as the file names them
    lowest = ROOT / "backends" / backend / "lowest.txt"
    session.install("-e", ".[study]", "-r", str(lowest), *nox.project.dependency_groups(PROJECT, "test"))
    environment(session, backend)
    on_versions(session, backend, "lowest", ["tests/checks", "tests/meta", "tests/system/test_loops.py"])


@nox.session(default=False, python=["3.12", "3.13"])
@nox.parametrize("backend", BACKENDS, ids=BACKENDS)
def pythons(session: nox.Session, backend: str) -> None:
    """The tests on the later Pythons: `tests` runs on the one that nox runs on."""
    install(session, backend, *groups_for(backend))
    on_versions(session, backend, f"python {session.python}", ["tests"])


@nox.session(default=False)
@nox.parametrize("backend", TRAINING, ids=TRAINING)
def nightly(session: nox.Session, backend: str) -> None:
    """The tests with the newest Keras and framework, pre-releases included, and a table of what breaks."""
    groups = nox.project.dependency_groups(PROJECT, "test")
    study = PROJECT["project"]["optional-dependencies"]["study"]
    session.install("--pre", "--upgrade", "-r", f"backends/{backend}/nightly.txt", *groups, *study)
    session.run_install("python", "-m", "pip", "uninstall", "-q", "-y", "keras", "keras-nightly", silent=True)
    session.install("--pre", "keras-nightly")  # the same folder as that of keras, which frameworks ask for
    session.install("--no-deps", "-e", ".")
    environment(session, backend)
    on_versions(session, backend, "newest", ["tests/checks", "tests/meta", "tests/training", "tests/system"])


def on_versions(session: nox.Session, backend: str, name: str, chosen: list[str]) -> None:
    """Run tests whatever breaks, and tell what did; `-- --write` renews docs/versions.json, from which the site tells."""
    session.install(*nox.project.dependency_groups(PROJECT, "report"))
    folder = ROOT / "build" / "versions"
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / f"{name}, {backend}.xml"
    say = (
        "import importlib.metadata as m, json, sys, platform; v = {d.name.replace('_', '-').lower(): d.version for d in m.distributions()};"
        "w = {n: v[n] for n in sys.argv[2:] if n in v};"
        "print(json.dumps({'backend': sys.argv[1], 'python': platform.python_version(), 'versions': w}))"
    )
    packages = dict.fromkeys(("keras", "keras-nightly", "numpy", backend, f"{backend}-cpu"))
    installed = session.run_install("python", "-c", say, backend, *packages, silent=True)
    report.with_suffix(".json").write_text(installed, encoding="utf-8")
    arguments = [arg for arg in session.posargs if arg != "--write"] or chosen
    session.run("python", "-m", "pytest", *WORKERS, f"--junitxml={report}", *arguments, success_codes=[0, 1])
    session.run("python", "tests/versions.py", str(folder), *(["--write"] if "--write" in session.posargs else []))


@nox.session(default=False)
@nox.parametrize("backend", TRAINING, ids=TRAINING)
def bench(session: nox.Session, backend: str) -> None:
    """Speed and memory beside Keras's own losses and the framework's; adversarial training beside a loop by hand."""
    install(session, backend, "report")
    session.run("python", "backends/bench.py", *session.posargs)  # `-- --write` renews docs/bench.json and the README
    if not session.posargs:
        session.run("python", "backends/bench_adversarial.py")
