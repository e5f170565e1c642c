"""What a project declares: its repository, workspaces and endpoints, who has to approve, when nothing may change."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

EndpointName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{2,31}$")]
"""Azure ML's own rule: 3-32 characters, a letter first, then letters, digits and `-`."""


Seconds = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Person(Section):
    """What an account is called elsewhere: its GitHub login where that differs, git addresses, names shown by Azure."""

    github: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]*$")] = ""
    emails: tuple[Annotated[str, StringConstraints(pattern=r"^[^@\s<>]+@[^@\s<>]+$")], ...] = ()
    azure: tuple[Annotated[str, StringConstraints(min_length=1, max_length=255)], ...] = ()


class ApprovalPolicy(Section):
    """Who has to approve a version and who may be the same person; `required` are account names, each of whom must.

    The author is whoever wrote a commit of the change, the submitter a person who submitted the run by hand. `people`
    says by account who these are; nobody's name, login or address may be two people's.
    """

    quorum: Annotated[int, Field(ge=1, le=20)] = 1
    required: tuple[Annotated[str, StringConstraints(min_length=1, max_length=255)], ...] = ()
    expiry_days: Annotated[float, Field(gt=0, le=3650)] = 14.0
    author_may_approve: bool = False
    author_may_promote: bool = True
    submitter_may_approve: bool = False
    submitter_may_promote: bool = True
    approver_may_promote: bool = True
    break_glass_hours: Annotated[float, Field(gt=0, le=72)] = 4.0
    people: dict[str, Person] = {}

    @model_validator(mode="after")
    def _one_person_a_name(self) -> ApprovalPolicy:
        owners: dict[str, str] = {}
        for account, known in self.people.items():
            said = {("login", known.github or account), *(("address", mail) for mail in known.emails)}
            for kind, name in {(kind, name.casefold()) for kind, name in said | {("Azure", n) for n in known.azure}}:
                other = owners.setdefault(f"{kind} {name}", account)
                if other != account:
                    raise ValueError(f"people: the {kind} name {name} is both {other}'s and {account}'s")
        return self


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Freeze(Section):
    """When no version gains traffic: on `days` of every week from `start` to `end`, or once from `begins` to `ends`.

    All in UTC. An `end` that is not after `start` is on the next day. Rolling back is always possible.
    """

    reason: Annotated[str, StringConstraints(min_length=3, max_length=200)]
    days: tuple[Day, ...] = ()
    start: time = time()
    end: time = time()
    begins: datetime | None = None
    ends: datetime | None = None

    @field_validator("begins", "ends")
    @classmethod
    def _in_utc(cls, moment: datetime | None) -> datetime | None:
        return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment

    @model_validator(mode="after")
    def _one_kind(self) -> Freeze:
        once = self.begins is not None and self.ends is not None
        if bool(self.days) == once or (self.begins is None) != (self.ends is None):
            raise ValueError("a freeze has either days, or both begins and ends")
        if self.begins is not None and self.ends is not None and self.begins >= self.ends:
            raise ValueError("a freeze ends after it begins")
        return self


class Project(Section):
    """One model: its repository, workspaces, data, endpoints.

    `log_workspace_id` is the customer id of the Log Analytics workspace; without it the one that setup declares is
    looked up. `prices` are what an hour of an instance costs, by its type, as this installation declares it, in
    `currency`. A test deployment that waits for nobody is removed after `keep_test_hours`. Of what production is asked,
    deployments made from now on keep `collect_percent`, which is deleted after `keep_collected_days`. `declaration` is
    the file that says how setup makes each thing; without it the one we ship.

    How the model behaves is looked at every `watch_every_minutes`; outcomes that lie as CSV files in `labels_folder`
    are imported then. A retraining is proposed for drift and for worse outcomes, and every `retrain_every_days` (0: on
    no schedule); none within `retrain_cool_down_days` of the last, and none while `retrain_hold` gives a reason.
    """

    repository: Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$")]
    default_branch: str = "main"
    required_check: str = "quality-gate"
    subscription_id: str
    resource_group: str
    region: str
    dev_workspace: str
    prod_workspace: str
    dev_data: str
    prod_data: str
    model: str
    environment: str
    compute: str = "cpu-cluster"
    endpoint: EndpointName
    test_endpoint: EndpointName
    instance_type: str = "Standard_DS2_v2"
    instance_count: Annotated[int, Field(ge=1)] = 1
    log_workspace_id: str = ""
    approval: ApprovalPolicy = ApprovalPolicy()
    freeze: tuple[Freeze, ...] = ()
    prices: dict[str, Annotated[float, Field(ge=0)]] = {}
    currency: str = "USD"
    keep_test_hours: Seconds = 24
    collect_percent: Annotated[float, Field(ge=0, le=100)] = 100
    keep_collected_days: Annotated[float, Field(gt=0, le=3650)] = 30
    watch_every_minutes: Annotated[float, Field(ge=1, le=1440)] = 60
    labels_folder: Path | None = None
    retrain_cool_down_days: Annotated[float, Field(ge=0, le=3650)] = 7
    retrain_every_days: Annotated[float, Field(ge=0, le=3650)] = 0
    retrain_hold: Annotated[str, StringConstraints(max_length=200)] = ""
    declaration: Path | None = None

    @property
    def group_id(self) -> str:
        """ARM's id of the resource group that everything of the project lies in."""
        return f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
