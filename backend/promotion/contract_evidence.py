"""A version's contract as its run left it, beside that of what serves."""

from __future__ import annotations

from datetime import datetime

from backend.domain.contract import CONTRACT_FILE, Contract, ContractEvidence
from backend.domain.promotions import Target
from backend.errors import Invalid, NotFound
from backend.gateways.azureml.jobs import Jobs
from backend.policy.contract.reading import read_contract


def read_contract_of(jobs: Jobs, target: Target, champion: Target | None, now: datetime) -> ContractEvidence:
    """A run that left none, or one that cannot be read, is told as such: the gate judges it."""
    contract, problem = _left_by(jobs, target.run)
    before = _left_by(jobs, champion.run)[0] if champion is not None else None
    return ContractEvidence(
        contract=contract,
        problem=problem,
        run=target.run,
        champion=champion.version if champion else "",
        champion_digest=champion.digest if champion else "",
        before=before,
        made_at=now,
    )


def _left_by(jobs: Jobs, run: str) -> tuple[Contract | None, str]:
    if not run:
        return None, ""
    try:
        return read_contract(jobs.artefact(run, CONTRACT_FILE)), ""
    except NotFound:
        return None, ""
    except Invalid as error:
        return None, str(error)
