"""The model card of a version, from its frozen evidence and its lineage; nothing in it is typed for the card. Pure."""

from __future__ import annotations

from datetime import datetime

from backend.domain.card_file import CardFile
from backend.domain.decisions import Dossier
from backend.domain.model_card import CardChange, CardDifference, CardField, CardPart, ModelCard
from backend.domain.promotions import Target
from backend.domain.quality import HoldoutFigures
from backend.domain.supply_chain import SupplyChain
from backend.policy.approval import standing_approval
from backend.policy.blockers import supply_of
from backend.policy.findings import exhibits
from backend.policy.model_card_figures import (
    calibration_part,
    compared_part,
    quality_part,
    robustness_part,
    subgroups_compared_part,
    subgroups_part,
    threshold_part,
)

UNREAD = "the card of its commit has not been read; the test does that"


def model_card(dossier: Dossier, champion: Target | None, made_at: datetime) -> ModelCard:
    """`champion` is what the version is, or was, compared with; None where nothing served."""
    shown = exhibits(dossier, champion)
    written, supply = shown.card, supply_of(dossier)
    return ModelCard(
        model=dossier.version.name,
        version=dossier.version.version,
        parts=(
            _purpose(written),
            _limits(written),
            threshold_part(dossier, shown.holdout),
            quality_part(shown.holdout),
            compared_part(shown.comparison),
            subgroups_part(shown.comparison, shown.holdout),
            subgroups_compared_part(shown.comparison),
            calibration_part(shown.holdout),
            robustness_part(shown.robustness),
            _data(dossier, shown.holdout),
            _origin(dossier, supply),
            _people(dossier, written),
        ),
        problems=written.problems if written else (UNREAD,),
        made_at=made_at,
    )


def difference(before: ModelCard, after: ModelCard) -> CardDifference:
    """Every field of either card, in the order of `after`; what only `before` has stands at its part's end."""
    old, new = _fields(before), _fields(after)
    titles = dict.fromkeys((*(part for part, _ in new), *(part for part, _ in old)))
    keys = [key for title in titles for key in dict.fromkeys((*new, *old)) if key[0] == title]
    return CardDifference(
        before=before, after=after, fields=tuple(_change(key, old.get(key), new.get(key)) for key in keys)
    )


def _fields(card: ModelCard) -> dict[tuple[str, str], CardField]:
    return {(part.title, field.name): field for part in card.parts if not part.compares for field in part.fields}


def _change(key: tuple[str, str], before: CardField | None, after: CardField | None) -> CardChange:
    return CardChange(
        part=key[0],
        name=key[1],
        before=before.values if before else (),
        after=after.values if after else (),
        code=any(field.code for field in (before, after) if field),
    )


def _text(name: str, value: object, *, code: bool = False) -> CardField:
    return CardField(name=name, values=(str(value),) if value not in {None, ""} else (), code=code)


def _purpose(written: CardFile | None) -> CardPart:
    card = written or CardFile(commit="", digest="")
    return CardPart(
        title="What it is for",
        fields=(
            _text("Intended use", card.intended_use),
            CardField(name="Users", values=card.users),
            CardField(name="Not for", values=card.exclusions),
        ),
    )


def _limits(written: CardFile | None) -> CardPart:
    card = written or CardFile(commit="", digest="")
    return CardPart(
        title="Known limits",
        fields=(
            CardField(name="Limits", values=card.known_limits),
            CardField(name="The data cannot show", values=card.cannot_show),
            CardField(name="Ethical considerations", values=card.ethical_considerations),
        ),
    )


def _data(dossier: Dossier, found: HoldoutFigures | None) -> CardPart:
    source = dossier.version.lineage
    counted: tuple[CardField, ...] = ()
    if found is not None:
        counted = (
            _text("Rows", f"{found.dataset_rows:,}" if found.dataset_rows is not None else ""),
            _text("Patients", f"{found.patients:,}" if found.patients is not None else ""),
            _text("Holdout", f"{found.rows:,} rows, {found.positives:,} ill"),
            _text("Ill in the holdout", f"{100 * found.positives / found.rows:.1f} %"),
            _text("Patients on both sides of the split", found.shared_groups),
        )
    return CardPart(
        title="Data",
        fields=(
            _text("Asset", source.data_asset, code=True),
            _text("Digest of the asset", source.data_digest, code=True),
            *counted,
        ),
    )


def _origin(dossier: Dossier, supply: SupplyChain | None) -> CardPart:
    version, source = dossier.version, dossier.version.lineage
    environment = supply.environment if supply else None
    pinned = "" if environment is None else "by its content" if environment.image_pinned else "by name only"
    return CardPart(
        title="Where it comes from",
        fields=(
            _text("Commit", source.commit, code=True),
            _text("Pull request", f"#{source.pull_request}" if source.pull_request else ""),
            _text("Run", source.run, code=True),
            _text("Model digest", version.digest, code=True),
            _text("Files", _files(supply)),
            _text("Environment", source.environment, code=True),
            _text("Environment's definition", environment.digest if environment else "", code=True),
            _text("Image", f"{environment.image}, pinned {pinned}" if environment and environment.image else ""),
            _text("Gate file", dossier.gates.digest if dossier.gates else "", code=True),
        ),
    )


def _files(supply: SupplyChain | None) -> str:
    if supply is None:
        return ""
    size = sum(file.size for file in supply.files)
    made = "made by its run" if supply.ours else "not shown to be made by its run"
    loads = f"{len(supply.runs_code)} could run code" if supply.runs_code else "none runs code when loaded"
    return f"{len(supply.files)} files, {size:,} bytes, {made}; {loads}"


def _people(dossier: Dossier, written: CardFile | None) -> CardPart:
    approved = standing_approval(dossier)
    by = f"{approved.actor} on {approved.at:%d %b %Y %H:%M} UTC: {approved.reason}" if approved else ""
    return CardPart(
        title="Who answers for it",
        fields=(
            _text("Owner", written.owner if written else ""),
            _text("Contact", written.contact if written else ""),
            _text("Card last reviewed", f"{written.reviewed:%d %b %Y}" if written and written.reviewed else ""),
            _text("Author of the change", dossier.version.lineage.author),
            _text("Approved by", by or "nobody yet"),
        ),
    )
