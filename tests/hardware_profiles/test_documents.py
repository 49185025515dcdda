"""YAML 1.2 scalars, and files that are not what they should be."""

import pytest

from hardware_profiles.documents import read_yaml
from nas.errors import HardwareError


def write(tmp_path, text):
    path = tmp_path / "facts.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_scalars_follow_yaml_1_2(tmp_path):
    text = (
        "big: 64e6\nsmall: 1e-5\nno: no\non: yes\nyes_: true\nnone: ~\nhex: 1:30\ntext: 2022-01-01"
    )
    assert read_yaml(write(tmp_path, text)) == {
        "big": 64e6,
        "small": 1e-5,
        "no": "no",
        "on": "yes",
        "yes_": True,
        "none": None,
        "hex": "1:30",
        "text": "2022-01-01",
    }


def test_whole_numbers_are_decimal(tmp_path):
    text = "a: 08\nb: 010\nc: -7\nd: +12\ne: 0"
    assert read_yaml(write(tmp_path, text)) == {"a": 8, "b": 10, "c": -7, "d": 12, "e": 0}


def test_anchors_repeat_a_source(tmp_path):
    assert read_yaml(write(tmp_path, "a: &s text\nb: *s")) == {"a": "text", "b": "text"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "key 'a' is given twice"),
        ("a: [1", "not valid YAML"),
        ("- 1\n- 2", "holds list"),
        ("? [a]\n: 1", "a key is a list or a mapping"),
        ("? {a: 1}\n: 1", "a key is a list or a mapping"),
        ("a: !!int x", "not valid YAML"),
        ("a: !!float x", "not valid YAML"),
        ("a: !!timestamp 2022-13-40", "not valid YAML"),
        ("a: 1" + "0" * 5000, "not valid YAML"),
        ("", "is empty; write it as"),
        ("a: !!python/object:os.system {}", "not valid YAML"),
    ],
)
def test_a_faulty_file_is_one_line_that_names_it(tmp_path, text, message):
    with pytest.raises(HardwareError, match=message) as caught:
        read_yaml(write(tmp_path, text))
    assert str(caught.value).startswith("facts.yaml: ")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(HardwareError, match=r"absent\.yaml: cannot be read"):
        read_yaml(tmp_path / "absent.yaml")


def test_all_missing_keys_are_named():
    from hardware_profiles.catalog import profile_from_dict

    with pytest.raises(HardwareError, match=r"^x: macs_per_s, .*: missing; add them$") as told:
        profile_from_dict({"name": "x", "label": "x", "kind": "sbc"}, origin="x")
    assert "memory_limit_bytes" in str(told.value)
