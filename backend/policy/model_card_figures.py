"""The figures of a model card, worded: quality, comparison, subgroups, calibration, robustness, threshold. Pure."""

from __future__ import annotations

from backend.domain.comparison import METRIC_NAMES, Band, BandShare, BandVerdict, Comparison, PerThousand, signed_well
from backend.domain.decisions import Dossier
from backend.domain.model_card import CardField, CardPart
from backend.domain.quality import BandCalibration, Estimate, HoldoutFigures, Robustness, RobustnessCheck
from backend.policy.consequence import PATIENTS

UNMEASURED = "Not measured for this digest at this threshold yet; the test does that."


def quality_part(found: HoldoutFigures | None) -> CardPart:
    """The metrics on the holdout of the version's own run."""
    title = "Quality on its holdout, with 95 % intervals"
    if found is None:
        return CardPart(title=title, fields=(), empty=UNMEASURED)
    assert found.confidence == 0.95  # the heading says so
    separate = "cannot be fitted: the probabilities separate the outcomes"
    return CardPart(
        title=title,
        fields=(
            _field("Sensitivity", _interval(found.sensitivity)),
            _field("Specificity", _interval(found.specificity)),
            _field("AUC", _interval(found.auc) if found.auc else ""),
            _field("Brier score", _interval(found.brier)),
            _field("Calibration slope", _interval(found.slope) if found.slope else separate),
            _field("Calibration intercept", _interval(found.intercept) if found.intercept else separate),
        ),
    )


def threshold_part(dossier: Dossier, found: HoldoutFigures | None) -> CardPart:
    """Where the answer is cut, and what that does to a thousand patients like those of the holdout."""
    version = dossier.version
    fields = [_field("Release threshold", f"{version.threshold:g}")]
    if dossier.proposed_threshold != version.threshold:
        fields.append(_field("Proposed by training", f"{dossier.proposed_threshold:g}"))
    if found is not None:
        ill = found.positives / found.rows
        fields += [
            _field("Missed ill patients", _of_thousand(PATIENTS * ill, found.sensitivity)),
            _field("False alarms", _of_thousand(PATIENTS * (1 - ill), found.specificity)),
        ]
    return CardPart(title="Threshold, per 1,000 patients", fields=tuple(fields))


def compared_part(compared: Comparison | None) -> CardPart:
    """The paired differences from what served."""
    title = "Against the version that served"
    if compared is None:
        said = "Nothing served, or it was not compared with what served."
        return CardPart(title=title, fields=(), empty=said, compares=True)
    fields = [
        _field("Compared with", f"v{compared.champion.version}, on {compared.rows:,} rows of {compared.data_asset}")
    ]
    for d in compared.differences:
        interval = f"{100 * d.confidence:.0f} % {d.low:+.3f} to {d.high:+.3f}"
        words = f"{d.champion:.3f} → {d.challenger:.3f}, {d.difference:+.3f} ({interval}): {d.verdict.value}"
        fields.append(_field(METRIC_NAMES.get(d.metric, d.metric), signed_well(words)))
    if compared.consequence is not None:
        fields.append(_field("Missed per 1,000", _change(compared.consequence.missed)))
        fields.append(_field("False alarms per 1,000", _change(compared.consequence.false_alarms)))
    if compared.flips is not None:
        found = compared.flips
        words = f"{found.count:,} of {found.rows:,}: {found.rescued} ill found, {found.lost} ill missed"
        fields.append(
            _field(
                "Patients with another answer", f"{words}, {found.alarmed} well alarmed, {found.cleared} well cleared"
            )
        )
    return CardPart(title=title, fields=tuple(fields), compares=True)


def subgroups_part(compared: Comparison | None, found: HoldoutFigures | None) -> CardPart:
    """Each band with its n; a band that is too small says so instead of a figure that means nothing.

    From its own holdout, so that the cards of two versions differ where their figures do. Evidence that has no rates by
    band speaks through the comparison.
    """
    own, bands = found.bands if found else (), _bands(compared)
    if bands and all(band.sensitivity is None for band in own):
        fields = tuple(_field(_named(band), _band(band)) for band in bands)
    else:
        fields = tuple(_field(_named(band), _alone(band)) for band in own)
    return CardPart(title="Subgroups", fields=fields, empty="The evidence holds no bands.")


def subgroups_compared_part(compared: Comparison | None) -> CardPart:
    """Whether each band is spared, against what served when it was compared."""
    return CardPart(
        title="Subgroups against what served",
        fields=tuple(_field(_named(band), band.verdict.value) for band in _bands(compared)),
        empty="Nothing was served to compare the bands with.",
        compares=True,
    )


def _bands(compared: Comparison | None) -> tuple[Band, ...]:
    return compared.subgroups.bands if compared and compared.subgroups else ()


def calibration_part(found: HoldoutFigures | None) -> CardPart:
    """Mean risk less what was seen, by band; the intervals hold together."""
    bands = found.bands if found else ()
    return CardPart(
        title="Calibration by band: mean risk less the share that is ill",
        fields=tuple(_field(_named(band), _excess(band)) for band in bands),
        empty="The evidence holds no bands.",
    )


def robustness_part(found: Robustness | None) -> CardPart:
    """Every check that was tried on spoilt input."""
    title = "Robustness"
    if found is None:
        return CardPart(title=title, fields=(), empty="Its run did not try what spoilt input does.")
    batch = f"largest difference {found.batch.share:.2g} in {found.batch.rows:,} rows"
    return CardPart(
        title=title,
        fields=(
            _field("Same row in another batch", batch),
            *(_field(check.check, _share(check, "let through")) for check in found.let_through),
            *(_field(check.check, _share(check, "fell")) for check in found.falls),
            *(_field(check.check, _share(check, "changed without a word")) for check in found.silent),
        ),
    )


def _field(name: str, words: str) -> CardField:
    return CardField(name=name[:1].upper() + name[1:], values=(words,) if words else ())


def _named(band: Band | BandCalibration) -> str:
    return f"{'BMI' if band.axis == 'bmi' else band.axis} {band.band}"


def _interval(found: Estimate) -> str:
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def _of_thousand(of_thousand: float, right: Estimate) -> str:
    value, low, high = (of_thousand * (1 - share) for share in (right.value, right.high, right.low))
    return f"{value:.0f} of {of_thousand:.0f} (95 % {max(0.0, low):.0f} to {min(of_thousand, high):.0f})"


def _change(found: PerThousand) -> str:
    interval = f"95 % {found.low:+.0f} to {found.high:+.0f}"
    return signed_well(f"{found.champion:.0f} → {found.challenger:.0f}, {found.change:+.0f} ({interval})")


def _band(band: Band) -> str:
    size = f"n {band.rows:,}, {band.positives:,} ill"
    return f"{size}; sensitivity {_rate(band.sensitivity)}; specificity {_rate(band.specificity)}"


def _alone(band: BandCalibration) -> str:
    size = f"n {band.rows:,}, {band.positives:,} ill"
    if band.sensitivity is None or band.specificity is None:
        return f"{size}; too few to judge" if band.excess is None else size
    return f"{size}; sensitivity {_interval(band.sensitivity)}; specificity {_interval(band.specificity)}"


def _rate(share: BandShare) -> str:
    if share.verdict is BandVerdict.TOO_FEW or share.challenger is None:
        return f"too few to judge ({share.rows})"
    return f"{_interval(share.challenger)} of {share.rows:,}"


def _excess(band: BandCalibration) -> str:
    size = f"n {band.rows:,}, {band.positives:,} ill"
    if band.excess is None:
        return f"{size}; too few to judge"
    return signed_well(f"{size}; {band.excess.value:+.3f} ({band.excess.low:+.3f} to {band.excess.high:+.3f})")


def _share(check: RobustnessCheck, what: str) -> str:
    note = f"; {check.note}" if check.note else ""
    return f"{100 * check.share:.1f} % of {check.rows:,} rows {what}{note}"
