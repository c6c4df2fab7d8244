"""What comes of pictures: `captiond run --once` over every format, every way up, and every name."""

from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image, features

from acceptance.conftest import Command, Sidecar, SimulatedServer, beside
from captiond.imaging.limits import heif_installed
from captiond.simulator.strip import draw_strip
from conftest import SHARED, MakePhoto

FORMATS = {
    "photo.jpg": "JPEG",
    "photo.png": "PNG",
    "photo.webp": "WEBP",
    "photo.gif": "GIF",
    "photo.avif": "AVIF",
}
STORED_AS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How the pixels of an upright picture lie in a file of this EXIF orientation."""
REAL_PHOTOS = SHARED / "photos"


def seen(path: Path) -> tuple[bytes, int, int, int, int]:
    status = path.stat()
    return path.read_bytes(), status.st_ino, status.st_mode, status.st_mtime_ns, status.st_ctime_ns


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow cannot write AVIF")
def test_every_format_is_read_and_no_original_is_touched(
    impatient: Command, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar
) -> None:
    photos = {make_photo(name, text=f"Das ist {kind}"): kind for name, kind in FORMATS.items()}
    before = {photo: seen(photo) for photo in photos}

    assert impatient("run", "--once", inbox).returncode == 0

    for photo, kind in photos.items():
        sidecar = sidecar_of(photo)
        assert sidecar["state"] == "done"
        assert sidecar["image"]["file"] == photo.name
        assert (sidecar["image"]["format"], sidecar["image"]["width"], sidecar["image"]["height"]) == (
            kind,
            640,
            480,
        )
        assert sidecar["summary"]["text"] == f"Das ist {kind}"
        assert set(sidecar["results"]) == {"objects", "description", "ocr", "translation"}
    assert {photo: seen(photo) for photo in photos} == before


def turned(path: Path, orientation: int) -> Path:
    """Save a picture lying as `orientation` says; its strip can be read only when upright, not mirrored."""
    upright = draw_strip(Image.new("RGB", (640, 480), "olive"), f"way up {orientation}")
    stored = upright.transpose(STORED_AS[orientation]) if orientation in STORED_AS else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(path, quality=95, exif=exif)
    return path


def test_all_eight_orientations_come_out_upright(
    impatient: Command, inbox: Path, sidecar_of: Sidecar
) -> None:
    photos = {way: turned(inbox / f"way{way}.jpg", way) for way in range(1, 9)}

    assert impatient("run", "--once", inbox).returncode == 0

    for way, photo in photos.items():
        sidecar = sidecar_of(photo)
        assert sidecar["summary"]["text"] == f"way up {way}"
        assert (sidecar["image"]["width"], sidecar["image"]["height"]) == (640, 480)


def test_a_second_run_asks_and_writes_nothing(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto
) -> None:
    photos = [make_photo("one.jpg"), make_photo("two.png", "navy", text="Heute frisch")]
    impatient("run", "--once", inbox)
    asked, sidecars = len(server.questions), [seen(beside(photo)) for photo in photos]
    assert asked == 3 + 4, "one photo has a text to translate"

    assert impatient("run", "--once", inbox).returncode == 0

    assert len(server.questions) == asked
    assert [seen(beside(photo)) for photo in photos] == sidecars


def test_the_same_bytes_under_three_names_are_asked_about_once(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar
) -> None:
    first = make_photo("a.jpg")
    copies = [first, inbox / "b.jpg", inbox / "deep/er/c.jpg"]
    copies[2].parent.mkdir(parents=True)
    for copy in copies[1:]:
        copy.write_bytes(first.read_bytes())

    assert impatient("run", "--once", inbox).returncode == 0

    assert len(server.questions) == 3
    assert [sidecar_of(copy)["image"]["file"] for copy in copies] == ["a.jpg", "b.jpg", "c.jpg"]
    assert all(sidecar_of(copy)["results"] == sidecar_of(first)["results"] for copy in copies)
    assert impatient.rows("SELECT count(*), copies FROM photos") == [(1, 3)]


def test_a_crowd_of_copies_gets_its_sidecars_without_a_call(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto
) -> None:
    first = make_photo("first.png", size=(64, 64))
    impatient("run", "--once", inbox)
    copies = [inbox / f"{number}.png" for number in range(250)]
    for copy in copies:
        copy.write_bytes(first.read_bytes())

    assert impatient("run", "--once", inbox).returncode == 0

    assert len(server.questions) == 3
    assert sum(beside(copy).exists() for copy in copies) == 250


def test_sidecars_go_into_a_tree_where_the_user_wants_one(
    impatient: Command, inbox: Path, tmp_path: Path, make_photo: MakePhoto
) -> None:
    photo = make_photo("2024/spain/photo.jpg")
    impatient.settings["CAPTIOND_SIDECARS"] = f"tree:{tmp_path / 'tree'}"

    ended = impatient("run", "--once", inbox)

    assert ended.returncode == 0, ended.stderr
    assert f'sidecars="in {tmp_path / "tree"}"' in ended.stderr
    assert beside(tmp_path / "tree/2024/spain/photo.jpg").is_file()
    assert not beside(photo).exists()


def test_a_photo_renamed_while_captiond_rests_costs_no_call(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar
) -> None:
    old = make_photo("before.jpg")
    impatient("run", "--once", inbox)
    asked, answered = len(server.questions), sidecar_of(old)["results"]
    new = inbox / "2024" / "after.jpg"
    new.parent.mkdir()
    old.rename(new)

    assert impatient("run", "--once", inbox).returncode == 0

    assert len(server.questions) == asked
    assert sidecar_of(new)["image"]["file"] == "after.jpg"
    assert sidecar_of(new)["results"] == answered
    assert impatient.rows("SELECT state FROM photos") == [("done",)]
    assert impatient("show", new).returncode == 0


def test_what_need_not_be_translated_is_skipped_with_its_reason(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar
) -> None:
    wordless = make_photo("wordless.jpg")
    english = make_photo("english.jpg", "navy", text="This is the only way to the old town")
    digits = make_photo("digits.jpg", "red", text="1234 5678")

    impatient("run", "--once", inbox)

    results = {photo: sidecar_of(photo)["results"] for photo in (wordless, english, digits)}
    assert results[wordless]["ocr"]["status"] == "empty"
    assert {photo.stem: result["translation"]["reason"] for photo, result in results.items()} == {
        "wordless": "there is no text",
        "english": "the text is in English already",
        "digits": "the text has no letters",
    }
    assert {result["translation"]["status"] for result in results.values()} == {"skipped"}
    assert len(server.questions) == 3 * 3


def test_a_tiff_is_refused_with_the_setting_that_switches_it_on(
    impatient: Command, server: SimulatedServer, inbox: Path, make_photo: MakePhoto, sidecar_of: Sidecar
) -> None:
    scan, other = make_photo("scan.tiff", text="Rechnung"), make_photo("other.jpg")

    assert impatient("run", "--once", inbox).returncode == 1, "some photos failed"

    assert not beside(scan).exists()
    assert sidecar_of(other)["state"] == "done"
    assert impatient.why(scan) == 'Not read: TIFF is switched off: add "TIFF" to imaging.formats.'
    impatient.settings["CAPTIOND_IMAGING__FORMATS"] = "JPEG,TIFF"

    assert impatient("run", "--once", inbox).returncode == 0

    assert sidecar_of(scan)["summary"]["text"] == "Rechnung"
    assert impatient.why(scan) is None


@pytest.mark.skipif(not REAL_PHOTOS.is_dir(), reason="no real photos beside the checkout")
def test_real_photos_are_read(impatient: Command, inbox: Path, sidecar_of: Sidecar) -> None:
    photos = [inbox / path.name for path in REAL_PHOTOS.iterdir() if path.suffix != ".md"]
    for photo in photos:
        photo.write_bytes((REAL_PHOTOS / photo.name).read_bytes())
    impatient.settings["CAPTIOND_IMAGING__FORMATS"] = "JPEG,TIFF,HEIF"

    done = impatient("run", "--once", inbox)

    assert done.returncode == (0 if heif_installed() else 1), done.stderr
    assert len(photos) == 24
    for photo in photos:
        if photo.suffix == ".HEIC" and not heif_installed():
            assert "pip install pillow-heif" in (impatient.why(photo) or "")
            continue
        sidecar = sidecar_of(photo)
        assert sidecar["state"] == "done"
        assert sidecar["image"]["sha256"] == sha256((REAL_PHOTOS / photo.name).read_bytes()).hexdigest()
        assert sidecar["summary"]["description"].startswith("A ")
        assert not {"latitude", "longitude"} & sidecar["image"].keys()
