"""What a version is made of in CycloneDX 1.6 (cyclonedx.org, ECMA-424): files, packages, and the image they run in.

The packages are those that the environment pins, and all others that the training run found installed: what the pins
resolved to. Which of them needs which is not told, so no component but the model itself has an edge: in CycloneDX one
without any says that it depends on nothing.
"""

from __future__ import annotations

import re
import uuid
from datetime import datetime

from backend.domain.registry import ModelVersion
from backend.domain.supply_chain import EnvironmentDefinition, ModelFile, Package, SupplyChain

SPEC = "1.6"
NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
"""Of URLs (RFC 9562): the same version made of the same bytes gets the same serial number."""
Json = dict[str, object]
NO_PACKAGE = frozenset({"platform", "python"})


def bill_of_materials(version: ModelVersion, found: SupplyChain, made_at: datetime) -> Json:
    """The document as JSON values; digests that are no sha256 are left out rather than misnamed."""
    subject = f"{version.name}@{version.version}"
    serial = uuid.uuid5(
        NAMESPACE, f"{subject}\n{found.digest}\n{found.environment.digest if found.environment else ''}"
    )
    asked, extra = _packages(found)
    image = _image(found.environment) if found.environment else []
    parts = [*asked, *extra, *image]
    references = sorted(str(part["bom-ref"]) for part in (*asked, *image))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "timestamp": made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "machine-learning-model",
                "bom-ref": subject,
                "name": version.name,
                "version": version.version,
                "properties": _properties(version, found),
                "components": [_file(file) for file in found.files],
            },
        },
        "components": parts,
        "dependencies": [{"ref": subject, "dependsOn": references}],
    }


def _properties(version: ModelVersion, found: SupplyChain) -> list[Json]:
    source = version.lineage
    told = {
        "mlops:model-digest": found.digest,
        "mlops:made-by-run": source.run if found.ours else "",
        "mlops:commit": source.commit,
        "mlops:data-asset": source.data_asset,
        "mlops:data-digest": source.data_digest,
        "mlops:environment": source.environment,
        "mlops:environment-definition": found.environment.digest if found.environment else "",
        "mlops:runs-code": "; ".join(found.runs_code),
        "mlops:platform": found.run_packages.get("platform", ""),
    }
    return [{"name": name, "value": value} for name, value in told.items() if value]


def _file(file: ModelFile) -> Json:
    return {"type": "file", "bom-ref": f"file:{file.path}", "name": file.path, **_hashes(file.sha256)}


def _packages(found: SupplyChain) -> tuple[list[Json], list[Json]]:
    """What is asked for, and what only the run told; the run's own word on a version counts where none is pinned."""
    asked = {(p.source, _canonical(p.name)): p for p in (found.environment.packages if found.environment else ())}
    known = {name for _, name in asked}
    told = {_canonical(n): v for n, v in found.run_packages.items() if n not in NO_PACKAGE}
    components = [_package(p, p.version or told.get(_canonical(p.name), "")) for p in asked.values() if p.name]
    extra = (Package(name=name, version=v) for name, v in sorted(told.items()) if name not in known)
    return components, [_package(package, package.version) for package in extra]


def _package(package: Package, version: str) -> Json:
    name = _canonical(package.name)
    address = f"pkg:{package.source}/{name}" + (f"@{version}" if version else "")
    return {
        "type": "library",
        "bom-ref": address,
        "name": package.name,
        **({"version": version} if version else {}),
        "purl": address,
    }


def _canonical(name: str) -> str:
    """PyPI's spelling of a name (PEP 503), which package URLs ask for."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _image(environment: EnvironmentDefinition) -> list[Json]:
    if not environment.image:
        return []
    name, _, digest = environment.image.partition("@")
    return [{"type": "container", "bom-ref": f"image:{environment.image}", "name": name, **_hashes(digest)}]


def _hashes(digest: str) -> Json:
    content = digest.removeprefix("sha256:")
    if not re.fullmatch(r"[0-9a-f]{64}", content):
        return {}
    return {"hashes": [{"alg": "SHA-256", "content": content}]}
