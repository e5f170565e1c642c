"""Whether a registered model may be loaded at all: which of its files could run code, and who made them. Pure.

skops reads a model as data and asks for each type by name; pickle, joblib and cloudpickle run what the file says. So
only what is known to be read as data is let through, and everything else needs to be the work of our own run, which
is proved by the digest that the run left in its evidence.
"""

from __future__ import annotations

from collections.abc import Mapping

from backend.domain.supply_chain import EnvironmentDefinition, Flavour, ModelFolder, ModelType, SupplyChain

READ_AS_TEXT = frozenset(
    {
        "MLmodel",
        "conda.yaml",
        "python_env.yaml",
        "requirements.txt",
        "input_example.json",
        "serving_input_example.json",
        "README.md",
    }
)
"""What MLflow writes beside a model and nobody executes."""
LOADERS = frozenset({"mlflow.sklearn"})
ROOTS = frozenset({"numpy", "scipy", "sklearn"})
PLAIN = frozenset(
    {"dict", "list", "tuple", "set", "frozenset", "str", "int", "float", "complex", "bool", "bytes", "bytearray",
     "slice", "range", "type", "NoneType"}
)  # fmt: skip
"""Of the builtins: the others (`eval`, `getattr`, `open`) do things."""
SHOWN = 5


def judge_supply(
    folder: ModelFolder,
    registered: str,
    run: str,
    run_digest: str,
    environment: EnvironmentDefinition | None,
    run_packages: Mapping[str, str],
) -> SupplyChain:
    """What is to be said about these bytes, registered with the digest `registered` as the work of `run`."""
    dangers = runs_code(folder)
    refusals = []
    if folder.digest != registered:
        refusals.append(
            f"The registered files have the digest {folder.digest}, the registry says {registered or 'none'}"
        )
    if run_digest and run_digest != registered:
        refusals.append(f"The run {run} left a model of digest {run_digest}, which is not the registered {registered}")
    if dangers and run_digest != folder.digest:
        shown = "; ".join(dangers[:SHOWN]) + (f" and {len(dangers) - SHOWN} more" if len(dangers) > SHOWN else "")
        refusals.append(f"Loading it could run any code, and no run of ours made it: {shown}")
    if environment is None:
        refusals.append("Its environment does not exist, so what it would run in is not known")
    return SupplyChain(
        files=folder.files,
        digest=folder.digest,
        run=run,
        run_digest=run_digest,
        types=tuple(sorted({kind.full for kind in folder.types})),
        runs_code=dangers,
        environment=environment,
        run_packages=dict(run_packages),
        refusals=tuple(refusals),
        signature=folder.signature,
    )


def runs_code(folder: ModelFolder) -> tuple[str, ...]:
    """All that could run code of its own choosing, or is not known to be harmless, a sentence's end each."""
    found = [f"{path} is a pickle" for path in folder.pickles]
    found += [f"{f.path} is no file that is read as data" for f in folder.files if _unknown(f.path, folder.pickles)]
    found += [told for flavour in folder.flavours for told in _loads(flavour)]
    found += [] if folder.flavours else ["MLmodel names no way of loading it"]
    found += sorted({f"a skops file asks for {kind.full}" for kind in folder.types if _foreign(kind)})
    return (*found, *folder.unreadable)


def _unknown(path: str, pickles: tuple[str, ...]) -> bool:
    name = path.rpartition("/")[2]
    return path not in pickles and name not in READ_AS_TEXT and not name.endswith(".skops")


def _loads(flavour: Flavour) -> list[str]:
    """What the flavour does besides reading skops."""
    found = []
    if flavour.name not in {"sklearn", "python_function"}:
        found.append(f"MLmodel has the flavour {flavour.name}")
    if flavour.name == "sklearn" and flavour.serialization != "skops":
        found.append(f"MLmodel says serialization {flavour.serialization or 'of an unknown kind'}, not skops")
    if flavour.name == "python_function" and flavour.loader not in LOADERS:
        found.append(f"MLmodel names the loader {flavour.loader or 'of an unknown kind'}")
    if flavour.code:
        found.append(f"MLmodel brings code of its own: {flavour.code}")
    return found


def _foreign(kind: ModelType) -> bool:
    if kind.module == "builtins":
        return kind.name not in PLAIN
    return kind.module.partition(".")[0] not in ROOTS
