"""One row scored through the sandbox's front, against the inference server behind it: same model, same process."""

from __future__ import annotations

import ssl

import httpx

from benchmarks.measure import Row, Sample, seconds
from benchmarks.worlds import World

CALLS = 400
BLOCK = 20
PATIENT = {
    "Pregnancies": 2,
    "PlasmaGlucose": 108,
    "DiastolicBloodPressure": 70,
    "TricepsThickness": 30,
    "SerumInsulin": 90,
    "BMI": 31.5,
    "DiabetesPedigree": 0.3,
    "Age": 34,
}


def run(world: World) -> list[Row]:
    target = world.served
    ml = world.parts.workspace.ml()
    address = str(ml.online_endpoints.get(target.endpoint).scoring_uri)
    key = str(ml.online_endpoints.get_keys(target.endpoint).primary_key)
    alone = f"http://127.0.0.1:{world.server_port(target.deployment)}/score"
    trusted = ssl.create_default_context(cafile=world.settings.cloud.ca_bundle)
    with httpx.Client(verify=trusted, timeout=10, headers={"Authorization": f"Bearer {key}"}) as client:
        front, server = [], []
        for _ in range(1 + CALLS // BLOCK):
            front.append([ask(client, address) for _ in range(BLOCK)])
            server.append([ask(client, alone) for _ in range(BLOCK)])
    ours, peer = (Sample(tuple(1000 * took for block in part[1:] for took in block), "ms") for part in (front, server))
    blocks = (Sample(tuple(BLOCK / sum(block) for block in part[1:]), "calls/s") for part in (front, server))
    return [
        Row("Score one row through the front, against the server alone, 1 client", ours, peer),
        Row(f"The same as throughput, blocks of {BLOCK} calls", *blocks),
    ]


def ask(client: httpx.Client, address: str) -> float:
    def call() -> None:
        client.post(address, json={"rows": [PATIENT]}).raise_for_status()

    return seconds(call)
