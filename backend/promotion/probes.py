"""The fixed requests of the smoke test: patients that must be answered, and requests that must be refused by field."""

from __future__ import annotations

import json
from dataclasses import dataclass

_FIELDS = (
    "Pregnancies", "PlasmaGlucose", "DiastolicBloodPressure", "TricepsThickness",
    "SerumInsulin", "BMI", "DiabetesPedigree", "Age",
)  # fmt: skip
_PATIENTS = (
    (0, 171, 80, 34, 23, 43.5, 1.21, 21),
    (8, 92, 93, 47, 36, 21.2, 0.16, 23),
    (7, 115, 47, 52, 35, 41.5, 0.08, 23),
    (9, 103, 78, 25, 304, 29.6, 1.28, 43),
    (1, 85, 59, 27, 35, 42.6, 0.55, 22),
    (0, 82, 92, 9, 253, 19.7, 0.1, 26),
    (0, 133, 47, 19, 227, 21.9, 1.74, 21),
    (0, 67, 87, 43, 36, 18.3, 0.24, 26),
    (8, 80, 95, 33, 24, 26.6, 0.44, 53),
    (1, 72, 31, 40, 42, 36.9, 0.1, 26),
    (3, 109, 77, 30, 320, 37.7, 0.87, 37),
    (2, 117, 75, 58, 310, 30.5, 2.13, 62),
)
PLAUSIBLE: tuple[dict[str, float], ...] = tuple(dict(zip(_FIELDS, patient, strict=True)) for patient in _PATIENTS)

MIXED: tuple[dict[str, float], ...] = tuple(
    {name: PLAUSIBLE[(start + step * place) % len(PLAUSIBLE)][name] for place, name in enumerate(_FIELDS)}
    for step in (0, 1, 5, 7)
    for start in range(len(PLAUSIBLE))
)
"""Those patients and mixtures of them, field by field: rows like those of a holdout, and nobody's record."""


@dataclass(frozen=True)
class Break:
    """A request that breaks the contract; its refusal must name `field`."""

    name: str
    body: bytes
    field: str


def _with(**changes: object) -> bytes:
    return json.dumps({"rows": [PLAUSIBLE[0] | changes]}).encode()


def _without(field: str) -> bytes:
    return json.dumps({"rows": [{name: value for name, value in PLAUSIBLE[0].items() if name != field}]}).encode()


BREAKS = (
    Break("a missing field", _without("BMI"), "BMI"),
    Break("another missing field", _without("Age"), "Age"),
    Break("text in a number", _with(PlasmaGlucose="high"), "PlasmaGlucose"),
    Break("no value", _with(SerumInsulin=None), "SerumInsulin"),
    Break("not a number", _with(TricepsThickness=float("nan")), "TricepsThickness"),
    Break("an impossible value", _with(DiastolicBloodPressure=-5000), "DiastolicBloodPressure"),
    Break("an unknown field", _with(PatientID=1), "PatientID"),
    Break("no rows", b'{"rows": []}', "rows"),
)
