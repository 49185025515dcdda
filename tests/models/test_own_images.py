"""A folder of images as a task: how it is read and divided, and one line for each bad one."""

import numpy as np
import pytest
from PIL import Image

from nas.errors import TaskError
from nas.models.own_images import folder_sha256, images_of_folder
from nas.models.own_tasks import own_task
from nas.models.tasks import load_splits, load_test

RNG = np.random.default_rng(0)


def picture(path, shape=(4, 6), mode=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(0, 255, shape).astype(np.uint8)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return pixels


@pytest.fixture
def photos(tmp_path):
    for name in ("cat", "dog"):
        for index in range(6):
            picture(tmp_path / "photos" / name / f"{index}.png")
    return tmp_path / "photos"


def test_a_folder_a_class(photos):
    (photos / "LICENCE").write_text("mine")
    (photos / "cat" / ".hidden").write_text("no image")
    task = own_task("photos", images_of_folder(photos))
    assert (task.input_shape, task.classes, task.form) == ((1, 4, 6), ("cat", "dog"), "image")
    splits, (test_x, _) = load_splits(task), load_test(task)
    assert splits.train_x.dtype == np.uint8
    assert (len(splits.train_x), len(splits.validation_x), len(test_x)) == (8, 2, 2)


def test_one_image_in_colour_makes_all_rgb(photos):
    grey = np.asarray(Image.open(photos / "cat" / "0.png"))
    red = picture(photos / "dog" / "9.bmp", (4, 6, 3))
    x = images_of_folder(photos).x
    assert x.shape == (13, 3, 4, 6)
    assert all(np.array_equal(x[0, channel], grey) for channel in range(3))
    assert np.array_equal(x[-1], red.transpose(2, 0, 1))


def test_parts_in_folders_and_those_that_are_absent(tmp_path):
    for part, count in (("train", 10), ("test", 3)):
        for name in ("cat", "dog"):
            for index in range(count):
                picture(tmp_path / part / name / f"{index}.webp", lossless=True)
    data = images_of_folder(tmp_path)
    assert dict(zip(*np.unique(data.part, return_counts=True), strict=True)) == {
        "test": 6,
        "train": 16,  # 20 and a fifth of them less
        "validation": 4,
    }
    assert set(data.y[data.part == "validation"]) == {"cat", "dog"}


def test_a_class_may_be_called_train(tmp_path):
    for name in ("train", "plane"):
        for index in range(5):
            picture(tmp_path / name / f"{index}.png")
    assert set(images_of_folder(tmp_path).y) == {"train", "plane"}


def test_a_photograph_is_turned_upright(photos):
    how = Image.Exif()
    how[0x0112] = 6  # a quarter turn
    pixels = picture(photos / "cat" / "turned.png", (6, 4), exif=how)
    assert np.array_equal(images_of_folder(photos).x[6, 0], np.rot90(pixels, -1))


def test_the_hash_is_of_names_and_contents(photos):
    before = folder_sha256(photos)
    (photos / "README").write_text("not read")
    assert folder_sha256(photos) == before
    (photos / "cat" / "0.png").rename(photos / "dog" / "7.png")
    assert folder_sha256(photos) != before


def opaque_and_not(photos):
    pixels = RNG.integers(0, 255, (4, 6, 4)).astype(np.uint8)
    pixels[..., 3] = 255
    Image.fromarray(pixels).save(photos / "cat" / "a.png")
    assert images_of_folder(photos).x.shape[1] == 3
    pixels[0, 0, 3] = 254
    Image.fromarray(pixels).save(photos / "cat" / "a.png")


def damage(photos):
    path = photos / "dog" / "3.png"
    path.write_bytes(path.read_bytes()[:60])


def wide(photos):
    Image.fromarray(np.full((4, 6), 999, np.uint16)).save(photos / "cat" / "wide.png")


def several(photos):
    first, second = (Image.new("L", (6, 4), shade) for shade in (0, 200))
    first.save(photos / "cat" / "film.gif", save_all=True, append_images=[second])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (damage, r"dog/3\.png: cannot be read"),
        (lambda p: (p / "cat" / "z.png").touch(), r"cat/z\.png: cannot be read"),
        (lambda p: picture(p / "dog" / "8.png", (5, 6)), r"dog/8\.png: is 6x5 and 0\.png is 6x4"),
        (lambda p: (p / "cat" / "a.txt").write_text("a"), r"cat/a\.txt: is no image; keep only"),
        (lambda p: (p / "cat" / "in").mkdir(), "cat/in: is no image"),
        (lambda p: (p / "cat" / "loop").symlink_to(p), "cat/loop: is no image"),
        (lambda p: (p / "cat" / "x.png").symlink_to("x.png"), r"x\.png: is a broken link"),
        (lambda p: (p / "bird").mkdir(), "bird: holds no image"),
        (lambda p: picture(p / "loose.png"), r"loose\.png: lies in no class"),
        (lambda p: picture(p / "train" / "cat" / "a.png"), "cat: stands beside train"),
        (opaque_and_not, r"a\.png: has transparent pixels"),
        (wide, "has more than 8 bits a channel"),
        (several, r"film\.gif: holds several images"),
    ],
)
def test_a_bad_folder_is_one_line(photos, spoil, said):
    spoil(photos)
    with pytest.raises(TaskError, match=said) as caught:
        images_of_folder(photos)
    assert "\n" not in str(caught.value)


def test_folders_without_images(tmp_path):
    with pytest.raises(TaskError, match="has no folder of images"):
        images_of_folder(tmp_path)
    for index in range(6):
        picture(tmp_path / "cat" / f"{index}.png")
    with pytest.raises(TaskError, match=r"the labels are of 1 class\(es\)"):
        own_task("photos", images_of_folder(tmp_path))


def test_images_that_memory_does_not_hold(tmp_path):
    (tmp_path / "cat").mkdir()
    Image.new("1", (13_000, 13_000)).save(tmp_path / "cat" / "0.png")
    for index in range(1, 3000):  # 507 GB of pixels, read twice over
        (tmp_path / "cat" / f"{index}.png").symlink_to("0.png")
    with pytest.raises(TaskError, match=r"3000 images of 13000x13000 need 1014\.0 GB"):
        images_of_folder(tmp_path)
