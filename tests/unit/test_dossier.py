"""The release dossier: everything an auditor asks for in one file, and nothing of any patient."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
from html.parser import HTMLParser

import pytest
from pyarrow import parquet

from backend.domain.evidence import SmokeResult
from backend.operations.models import WhenServing
from backend.operations.plain_html import withheld
from backend.operations.releases import Releases
from backend.promotion.target import target_on
from tests.recovery.cloud import PRODUCTION
from tests.recovery.hospital import LEAD, OPERATOR, PROJECT, Hospital
from training.cohort import draw

EVIL = "<script>alert('x')</script> & <img src=https://evil.example/x onerror=a()> \u202e \x07"


@pytest.fixture
def world(tmp_path):
    hospital = Hospital.after(tmp_path, "1", "2")
    yield hospital
    hospital.close()


def made(world, version="2", **changes):
    known = world.version(version).model_copy(update=changes)
    return Releases(world.store, PROJECT, world.clock).dossier_file(known).decode()


class Reader(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.addresses, self.text, self.open = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in {"src", "href", "action", "srcset", "data"}]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_it_tells_the_whole_story(world):
    world.promotions.roll_back(OPERATOR, world.promotions.stable(), "errors since noon", "back")
    world.run("back")
    page = made(world)
    version, known = world.version("2"), world.models.dossier(world.version("2"))
    text = " ".join(Reader(page).text)
    for fact in (
        version.digest, version.lineage.commit, version.lineage.run, version.lineage.data_digest, "#2",
        known.approvals[0].reason, known.approvals[0].evidence, *(e.digest for e in known.evidence),
        known.evidence[0].source, "Interval", "Verdict", known.rollout.digest,
        known.promotions[0].id, "Promotion on", "Test on",
    ):  # fmt: skip
        assert fact in text, fact
    observed = next(r for r in known.promotions[0].steps if r.step.kind.value == "observe")
    assert f"calls {observed.output['calls']}" in text
    assert f"p95 ms {observed.output['p95_ms']}" in text


def test_the_gates_are_those_of_the_comparison_it_was_approved_on(world):
    """Version 2 serves, so that nothing serves any more with which it could be compared anew."""
    text = " ".join(Reader(made(world)).text)
    assert "Against v1" in text
    assert "stale" not in text
    assert "nothing to compare with" in " ".join(Reader(made(world, "1")).text)


def test_every_ledger_row_about_the_version_is_quoted_with_its_hash(world):
    page = made(world)
    promotion, staging = "promotion/click-2", world.models.dossier(world.version("2")).staging.id
    wanted = {
        entry.hash for entry in world.store.audit.entries(limit=1000)
        if entry.subject in {promotion, f"promotion/{staging}", "model/diabetes-classifier:2"}
    }  # fmt: skip
    assert len(wanted) > 20
    assert all(found in page for found in wanted)
    assert world.store.audit.entries(limit=1)[0].hash in page


def test_it_stands_alone_and_is_well_formed(world):
    reader = Reader(made(world))
    assert reader.open == []
    assert reader.addresses == []
    assert not {"script", "link", "img", "iframe", "object", "form", "a"} & set(reader.tags)
    page = made(world)
    assert "://" not in page
    assert "url(" not in page
    assert "@import" not in page


def test_its_hash_is_that_of_its_content(world, tmp_path):
    page = made(world)
    told = re.search(r"sha256 of the content: <code>([0-9a-f]{64})</code>", page).group(1)
    content = re.search(r"<main>\n.*</main>\n", page, re.DOTALL).group(0)
    assert hashlib.sha256(content.encode()).hexdigest() == told
    path = tmp_path / "v2.html"
    path.write_text(page)
    command = re.search(r"To check: <code>(.*?)</code>", page).group(1)
    command = command.replace("&lt;", "<").replace("&gt;", ">").replace("FILE", str(path))
    printed = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert printed.split()[0] == told


def test_markup_in_outside_text_stays_text(world):
    world.promotions.roll_back(LEAD, world.promotions.stable(), f"because of {EVIL}", "back")
    world.run("back")
    version = world.version("1")
    lineage = version.lineage.model_copy(update={"author": EVIL, "commit": EVIL, "data_asset": EVIL})
    plain = set(Reader(made(world, "1")).tags)
    page = made(world, "1", description=EVIL, lineage=lineage)
    reader = Reader(page)
    assert set(reader.tags) == plain
    assert reader.addresses == []
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page
    assert "\x07" not in page


def test_no_patient_and_no_row_of_data_is_in_it(world):
    """Even where an answer or a person quotes an identifier, and whatever the cohort's identifiers are."""
    patients = sorted({row[0] for row in draw(200, 7)})
    version = world.version("2")
    failures = tuple(f'a plausible patient got 424: {{"PatientID": {patient}, "BMI": 43.5}}' for patient in patients)
    smoke = SmokeResult(requests=40, passed=0, failures=failures, model_version="2", digest=version.digest, p95_ms=1.0)
    world.store.evidence.freeze("another", smoke, target_on(PRODUCTION, version), "test endpoint")
    world.models.reject(
        LEAD, version, f"wrong for PatientID {patients[0]}, see patient_id={patients[1]}", "no", WhenServing.KEEP
    )
    page = made(world)
    assert "PatientID [withheld]" in page
    assert [patient for patient in patients if patient in page] == []
    job = next(e.source for e in world.store.evidence.of_version(version.name, "2") if e.comparison)
    paired = parquet.read_table(io.BytesIO(world.cloud.reach().jobs.artefact(job, "evidence/paired.parquet")))
    scores = [repr(value) for side in ("champion", "challenger") for value in paired.column(side).to_pylist()]
    assert len(scores) > 100
    assert [score for score in scores if len(score) > 6 and score in page] == []


@pytest.mark.parametrize(
    "text",
    ["PatientID 1234567", "patient id: 1234567", '"PatientID": "1234567"', "Patient-ID=1234567", "PatientID is 1234567",
     '{\\"PatientID\\": 1234567}', "patient_id#1234567", "PatientID 1234567-A"],
)  # fmt: skip
def test_an_identifier_is_withheld_however_it_is_written(text):
    assert "1234567" not in withheld(text)
    assert "withheld" in withheld(text)


def test_other_numbers_stay(world):
    assert withheld("300 patients, 12 missed; v2 at 90 %") == "300 patients, 12 missed; v2 at 90 %"


def test_a_version_that_nobody_looked_at_says_so(world):
    known = world.cloud.register("3")
    page = Releases(world.store, PROJECT, world.clock).dossier_file(known).decode()
    for said in ("No evidence has been frozen.", "Nobody has decided", "neither tested nor promoted", "not run"):
        assert said in page


def test_a_broken_ledger_is_said_on_its_first_page(world):
    with world.store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE audit SET reason = 'kinder' WHERE sequence = 3")
    assert "NOT WHOLE: entry 3 was changed" in " ".join(Reader(made(world)).text)
