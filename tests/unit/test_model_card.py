"""The model card: computed from evidence, shown as a difference, one file alone; and the bill of materials."""

from __future__ import annotations

import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from backend.domain.card_file import CardFile
from backend.errors import NotFound
from backend.operations.releases import Releases
from backend.policy.holdout import read_single
from backend.policy.holdout_figures import measure
from backend.policy.paired import quantile
from backend.promotion.target import target_on
from tests.recovery.cloud import PRODUCTION, own_rows
from tests.recovery.hospital import LEAD, PROJECT, WHY, Hospital
from training.cohort import draw

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)> \u202e&amp;'


@pytest.fixture
def world(tmp_path):
    """v1 serves, v2 has been tested against it and approved."""
    made = Hospital.after(tmp_path, "1", staged="2")
    made.models.approve(LEAD, made.version("2"), WHY, "key", made.advisory(made.version("2")))
    yield made
    made.close()


def releases(world):
    return Releases(world.store, PROJECT, world.clock)


def told(card):
    """Values by part and field."""
    return {part.title: {field.name: field.values for field in part.fields} for part in card.parts}


def test_every_figure_is_the_evidences(world):
    version = world.version("2")
    card = releases(world).card(version)
    found = told(card)
    evidence = {e.kind: e for e in world.models.dossier(version).evidence}
    holdout, compared = evidence["holdout"].holdout, evidence["comparison"].comparison
    quality = found["Quality on its holdout, with 95 % intervals"]
    for name, e in (("Sensitivity", holdout.sensitivity), ("AUC", holdout.auc), ("Brier score", holdout.brier)):
        assert quality[name] == (f"{e.value:.3f} ({e.low:.3f} to {e.high:.3f})",)
    against = found["Against the version that served"]
    assert against["Compared with"][0].startswith("v1, on 1,500 rows")
    assert compared.on("auc").verdict.value in against["AUC"][0]
    bands = found["Subgroups"]
    assert re.fullmatch(r"n 750, \d+ ill; sensitivity 0\.\d+ \(.*\); specificity .*\)", bands["Age under 45"][0])
    assert found["Subgroups against what served"]["Age under 45"] == (compared.subgroups.bands[0].verdict.value,)
    assert set(found["Calibration by band: mean risk less the share that is ill"]) == set(bands)
    assert found["Robustness"]["Glucose in mmol/L"] == (
        "0.0 % of 500 rows changed without a word; refused 0 %, warned 100 %",
    )
    assert found["Data"]["Rows"] == ("10,000",)
    assert found["Data"]["Patients"] == ("9,959",)
    assert found["Data"]["Patients on both sides of the split"] == ("0",)
    origin = found["Where it comes from"]
    assert origin["Model digest"] == (version.digest,)
    assert "made by its run; none runs code when loaded" in origin["Files"][0]
    assert origin["Environment's definition"] == ("sha256:environment-1",)
    assert "pinned by its content" in origin["Image"][0]
    assert origin["Gate file"] == (world.models.dossier(version).gates.digest,)
    assert found["Who answers for it"]["Approved by"][0].startswith("lead on ")
    assert card.problems == ()


def test_the_first_card_tells_the_rates_of_each_band_too(world):
    holdout = read_single(own_rows(world.cloud.gain))
    young = (holdout.axes[0].codes == 0) & holdout.ill
    found = float((holdout.challenger[young] >= 0.5).mean())
    bands = told(releases(world).card(world.version("1")))["Subgroups"]
    assert bands["Age under 45"][0].startswith(f"n 750, {int(young.sum())} ill; sensitivity {found:.3f} (")
    assert "; specificity 0." in bands["Age under 45"][0]


def test_a_thousand_patients_are_those_of_the_holdout(world):
    holdout = next(e.holdout for e in world.models.dossier(world.version("2")).evidence if e.holdout)
    found = told(releases(world).card(world.version("2")))["Threshold, per 1,000 patients"]
    ill = 1000 * holdout.positives / holdout.rows
    assert found["Missed ill patients"][0].startswith(f"{ill * (1 - holdout.sensitivity.value):.0f} of {ill:.0f} (95 %")
    alarms = (1000 - ill) * (1 - holdout.specificity.value)
    assert found["False alarms"][0].startswith(f"{alarms:.0f} of {1000 - ill:.0f}")
    low, high = re.search(r"\(95 % (\d+) to (\d+)\)", found["Missed ill patients"][0]).groups()
    assert int(low) < ill * (1 - holdout.sensitivity.value) < int(high)


def test_a_single_auc_has_delongs_error():
    """Against DeLong's own formula: the variance of the mean placements of either class."""
    holdout = read_single(own_rows(0.1, 400))
    found = measure(holdout, 0.5).auc
    ill, well = holdout.challenger[holdout.ill], holdout.challenger[~holdout.ill]
    wins = (ill[:, None] > well[None, :]) + 0.5 * (ill[:, None] == well[None, :])
    variance = wins.mean(axis=1).var(ddof=1) / len(ill) + wins.mean(axis=0).var(ddof=1) / len(well)
    assert found.value == pytest.approx(wins.mean())
    assert found.high - found.low == pytest.approx(2 * quantile(0.95) * variance**0.5, rel=1e-6)


def test_the_difference_is_only_what_differs_and_names_both_sides(world):
    one, two = world.version("1"), world.version("2")
    found = releases(world)
    assert found.compared_with(two, (two, one)) == one
    assert found.compared_with(one, (two, one)) is None
    compared = found.difference(two, one)
    names = {(change.part, change.name) for change in compared.changes}
    assert ("Where it comes from", "Commit") in names
    assert ("What it is for", "Intended use") not in names
    assert not any("ubgroups" in part for part, _ in names), "the rows are the same, so the words are"
    assert all(change.before != change.after for change in compared.changes)
    assert len(compared.fields) > len(compared.changes)
    commit = next(change for change in compared.changes if change.name == "Commit")
    assert (commit.before, commit.after) == ((one.lineage.commit,), (two.lineage.commit,))
    assert found.difference(two, two).changes == ()


def test_a_version_that_nobody_tested_says_what_is_not_known(world):
    third = world.cloud.register("3")
    card = releases(world).card(third)
    assert card.problems == ("the card of its commit has not been read; the test does that",)
    found = {part.title: part for part in card.parts}
    assert "Not measured" in found["Quality on its holdout, with 95 % intervals"].empty
    assert told(card)["Who answers for it"]["Approved by"] == ("nobody yet",)
    with pytest.raises(NotFound, match="has not been tested yet"):
        releases(world).sbom(third)
    assert not releases(world).has_sbom(third)


class Reader(HTMLParser):
    """Fails on tags that do not close in order; remembers tags and addresses."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.tags, self.addresses, self.open = [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [
            v for n, v in attrs if n in {"src", "href", "action", "srcset", "data"} or n.startswith("on")
        ]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_file_stands_alone_and_tells_the_difference_first(world):
    one, two = world.version("1"), world.version("2")
    page = releases(world).card_file(two, one).decode()
    reader = Reader(page)
    assert reader.addresses == []
    assert not {"script", "link", "img", "iframe", "form", "a"} & set(reader.tags)
    assert "url(" not in page
    assert "@import" not in page
    assert page.index("What differs from v1") < page.index("What it is for")
    assert "What differs from" not in releases(world).card_file(two).decode()
    assert "@media print" in page
    content = re.search(r"<main>\n.*</main>\n", page, re.DOTALL).group(0)
    assert f"<code>{hashlib.sha256(content.encode()).hexdigest()}</code>" in page


def test_hostile_text_stays_text_and_no_patient_is_named(world):
    patients = sorted({row[0] for row in draw(50, 7)})
    version = world.version("2")
    card = CardFile(
        intended_use=EVIL,
        users=(EVIL, f"PatientID {patients[0]}"),
        owner=EVIL,
        commit=EVIL,
        digest="",
        problems=(f"x: {EVIL}", f"wrong for patient_id={patients[1]}"),
    )
    world.clock.pass_(1)
    world.store.evidence.freeze("another", card, target_on(PRODUCTION, version), EVIL)
    plain = set(Reader(releases(world).card_file(version).decode()).tags)
    for page in (releases(world).card_file(version, world.version("1")), releases(world).dossier_file(version)):
        text = page.decode()
        reader = Reader(text)
        assert reader.addresses == []
        assert not {"script", "img"} & set(reader.tags)
        assert "&lt;script&gt;" in text
        assert "\u202e" not in text
        assert [patient for patient in patients[:2] if patient in text] == []
        assert "This card is not complete" in text
    assert "script" not in plain


def test_the_dossier_holds_card_rules_and_what_was_bound(world):
    version, known = world.version("2"), world.models.dossier(world.version("2"))
    page = releases(world).dossier_file(version).decode()
    assert "Helps a practitioner decide" in page
    for rule in known.gates.rules:
        assert rule.reason.split(":")[0].replace("'", "&#x27;") in page, rule.name
    approval = known.approvals[0]
    for bound in (known.gates.digest, approval.gates, approval.commit, approval.data_digest, "Acknowledged"):
        assert bound in page
    assert all(name in page for name in approval.acknowledged)
    assert {e.kind for e in known.evidence} >= {"comparison", "holdout", "robustness", "smoke", "card", "supply_chain"}
    assert all(page.count(e.digest) >= 1 for e in known.evidence)
    calibration = next(e for e in known.evidence if e.kind == "holdout")
    assert page.count(calibration.digest) >= 2, "the gates name the evidence they rest on"
    assert "by their ordinal in the holdout, which names no patient" in page
    assert "same answer in any batch" in page
    assert "model.skops" in page


def test_the_bill_of_materials_is_cyclonedx(world):
    version = world.version("2")
    made = json.loads(releases(world).sbom(version))
    assert (made["bomFormat"], made["specVersion"], made["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", made["serialNumber"])
    subject = made["metadata"]["component"]
    assert (subject["type"], subject["name"], subject["version"]) == ("machine-learning-model", version.name, "2")
    supply = next(e.supply_chain for e in world.models.dossier(version).evidence if e.supply_chain)
    assert {f["name"]: f["hashes"][0]["content"] for f in subject["components"]} == {
        f.path: f.sha256.removeprefix("sha256:") for f in supply.files
    }
    parts = {part["bom-ref"]: part for part in made["components"]}
    assert len(parts) == len(made["components"])
    assert parts["pkg:pypi/scikit-learn@1.9.1"]["version"] == "1.9.1"
    assert "pkg:conda/python@3.11" in parts
    (image,) = [part for part in made["components"] if part["type"] == "container"]
    assert image["hashes"] == [{"alg": "SHA-256", "content": "ba5e" * 16}]
    (edges,) = made["dependencies"]
    assert set(parts) - set(edges["dependsOn"]) == {"pkg:pypi/joblib@1.5.3"}, "installed, and asked for by no pin"
    again = json.loads(releases(world).sbom(version))
    assert again["serialNumber"] == made["serialNumber"]
