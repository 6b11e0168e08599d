"""The trained model as files: in a folder of the bot's, in an archive of Rasa's, and carried from one to the other."""

import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bot.errors import TrainingError
from bot.nlu.embedded import load_model, load_rasa_model
from bot.nlu.training import adopt_model, ensure_model, fingerprint
from bot.settings import Paths
from khmer_nlu import Model
from khmer_nlu.artefact import ABOUT, ARRAYS, FILES
from tests.nlu.few import write_few_examples

COMPONENT = "components/train_khmer_rasa.KhmerIntentClassifier1"


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    return write_few_examples(tmp_path_factory.mktemp("few"))


@pytest.fixture(scope="module")
def trained(paths: Paths) -> Path:
    """The folder of the model of these files."""
    return ensure_model(paths, paths.root / "models")


def pack(trained: Path, archive: Path, *, names: tuple[str, ...] = FILES, below: str = COMPONENT) -> Path:
    """An archive as `rasa train nlu` lays it out."""
    with tarfile.open(archive, "w:gz") as tar:
        for name in names:
            tar.add(trained / name, f"{below}/{name}")
    return archive


def assert_equal(one: Model, other: Model) -> None:
    (arrays, about), (other_arrays, other_about) = one.to_arrays(), other.to_arrays()
    assert about == other_about
    assert all(np.array_equal(arrays[name], other_arrays[name]) for name in arrays)


def test_the_model_in_rasas_archive_is_read_as_the_one_in_a_folder(trained: Path, tmp_path: Path) -> None:
    assert_equal(load_rasa_model(pack(trained, tmp_path / "model.tar.gz")), load_model(trained))


def write_nothing(trained: Path, archive: Path) -> None:
    archive.write_bytes(b"")


def write_no_archive(trained: Path, archive: Path) -> None:
    archive.write_bytes(b"no archive at all" * 100)


def cut_off(trained: Path, archive: Path) -> None:
    content = pack(trained, archive).read_bytes()
    archive.write_bytes(content[: len(content) // 2])


def leave_out_the_arrays(trained: Path, archive: Path) -> None:
    pack(trained, archive, names=(ABOUT,))


def pack_another_component(trained: Path, archive: Path) -> None:
    pack(trained, archive, below="components/train_DIETClassifier3")


def pack_a_folder_for_a_file(trained: Path, archive: Path) -> None:
    with tarfile.open(archive, "w:gz") as tar:
        for name in FILES:
            member = tarfile.TarInfo(f"{COMPONENT}/{name}")
            member.type = tarfile.DIRTYPE
            tar.addfile(member)


def pack_a_pickle(trained: Path, archive: Path) -> None:
    with (archive.parent / ARRAYS).open("wb") as file:
        np.savez(file, idf=np.array([object()]))
    shutil.copy(trained / ABOUT, archive.parent)
    pack(archive.parent, archive)


@pytest.mark.parametrize(
    "spoil",
    [
        write_nothing,
        write_no_archive,
        cut_off,
        leave_out_the_arrays,
        pack_another_component,
        pack_a_folder_for_a_file,
        pack_a_pickle,
    ],
)
def test_an_archive_without_our_model_is_an_error_that_names_it(
    trained: Path, tmp_path: Path, spoil: Callable[[Path, Path], None]
) -> None:
    spoil(trained, tmp_path / "model.tar.gz")

    with pytest.raises(TrainingError, match=r"model\.tar\.gz"):
        load_rasa_model(tmp_path / "model.tar.gz")


def test_train_from_rasa_takes_the_archive_instead_of_training(paths: Paths, trained: Path, tmp_path: Path) -> None:
    archive = pack(trained, tmp_path / "model.tar.gz")

    done = subprocess.run(
        [sys.executable, "-m", "bot", "train", "--from-rasa", str(archive)],
        env={"DATA_DIR": str(tmp_path / "data"), "FILES_DIR": str(paths.root)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert done.stdout.split() == [str(tmp_path / "data" / "models" / fingerprint(paths))], done.stderr
    assert_equal(load_model(Path(done.stdout.strip())), load_model(trained))


def test_a_model_of_other_intents_is_refused(paths: Paths, trained: Path, tmp_path: Path) -> None:
    about = json.loads((trained / ABOUT).read_text(encoding="utf-8"))
    about["labels"][0] = "no_such_intent"
    (tmp_path / ABOUT).write_text(json.dumps(about), encoding="utf-8")
    shutil.copy(trained / ARRAYS, tmp_path)

    with pytest.raises(TrainingError, match="other intents"):
        adopt_model(pack(tmp_path, tmp_path / "model.tar.gz"), paths, tmp_path / "models")
    assert not (tmp_path / "models").exists()
