"""The model digest, and finding the model folder."""

from __future__ import annotations

import hashlib

import pytest

from training.digest import ModelFolderError, find_model_folder, folder_digest


def _hex(content):
    return hashlib.sha256(content).hexdigest()


def test_the_digest_is_the_documented_one(tmp_path):
    (tmp_path / "b").mkdir()
    names = ["MLmodel", "b.x", "b/x", "z", "a", "é", *(f"b/{number}" for number in range(20))]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    lines = sorted(f"{name}\0{_hex(name.encode())}\n".encode() for name in names)
    assert folder_digest(tmp_path) == "sha256:" + _hex(b"".join(lines))


@pytest.mark.parametrize("change", ["content", "name", "addition"])
def test_any_change_changes_the_digest(tmp_path, change):
    file = tmp_path / "MLmodel"
    file.write_bytes(b"one")
    before = folder_digest(tmp_path)
    if change == "content":
        file.write_bytes(b"onf")
    elif change == "name":
        file.rename(tmp_path / "MLmodem")
    else:
        (tmp_path / "more").write_bytes(b"")
    assert folder_digest(tmp_path) != before


def test_an_empty_folder_has_no_digest(tmp_path):
    with pytest.raises(ModelFolderError, match="empty or missing"):
        folder_digest(tmp_path)


@pytest.mark.parametrize("nesting", [".", "diabetes-classifier/12", "diabetes-classifier/12/model"])
def test_the_model_folder_is_found_where_azure_mounts_it(tmp_path, nesting):
    folder = tmp_path / nesting
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "MLmodel").write_text("")
    assert find_model_folder(tmp_path) == folder


@pytest.mark.parametrize("names", [(), ("a", "b")])
def test_none_or_several_models_are_refused(tmp_path, names):
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "MLmodel").write_text("")
    with pytest.raises(ModelFolderError, match=f"{len(names)} folders with an MLmodel"):
        find_model_folder(tmp_path)
