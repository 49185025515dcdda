"""Other models on a device in a configuration: a file costed there, or numbers as given."""

import pytest
import yaml

from hardware_profiles.beside import ModelBeside
from hardware_profiles.deployment import deployment_from_dict
from nas.engine.config import config_from_mapping, read_config
from nas.engine.resolve import resolve
from nas.errors import ConfigError, DeploymentError

NUMBERS = {"name": "kws", "peak_memory_bytes": 2e4, "storage_bytes": 5e4, "occupancy_s": 0.01}


@pytest.fixture
def model(tmp_path):
    """A linear layer of 100 x 10 as models/words/model.onnx."""
    import onnx
    from onnx import TensorProto, helper

    kind = TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w", "b"], ["y"])],
        "test",
        [helper.make_tensor_value_info("x", kind, ["batch", 100])],
        [helper.make_tensor_value_info("y", kind, ["batch", 10])],
        [
            helper.make_tensor("w", kind, [100, 10], [0.0] * 1000),
            helper.make_tensor("b", kind, [10], [0.0] * 10),
        ],
    )
    path = tmp_path / "models" / "words" / "model.onnx"
    path.parent.mkdir(parents=True)
    onnx.save(helper.make_model(graph), str(path))
    return path


def config(tiny, *beside, **place):
    rows = [{"hardware": "rpi4", "grid": "fr", "precision": "int8", **place, "beside": beside}]
    return tiny(deployments=rows)


def resolved(content):
    (row,) = resolve(content)["deployments"]
    return deployment_from_dict(row)


def test_a_file_is_costed_on_the_device_and_its_path_starts_at_the_configuration(
    model, tiny, tmp_path
):
    given = {"model": "models/words/model.onnx", "inferences_per_s": 2}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config(tiny, given, batch=8)))
    place = resolved(read_config(path))
    assert place.label == "rpi4-int8-fr-b8-with-words"
    (words,) = place.beside
    # 1,000 weights of 1 byte and 10 biases of 8 are loaded into memory, with 110 activations.
    assert (words.storage_bytes, words.peak_memory_bytes) == (1080.0, 1190.0)
    assert words.inferences_per_s == 2.0
    alone = resolved(config_from_mapping(config(tiny, {**given, "model": str(model)})))
    assert alone.beside == place.beside  # one by one, whatever the batch of those searched


def test_numbers_are_taken_as_given(tiny):
    content = config_from_mapping(config(tiny, {**NUMBERS, "inferences_per_s": 3}))
    assert resolved(content).beside == (ModelBeside(**NUMBERS, inferences_per_s=3),)


@pytest.mark.parametrize(
    ("beside", "error", "said"),
    [
        ({"inferences_per_s": 1}, ConfigError, "give model, an ONNX file, or name, peak_memory"),
        ({**NUMBERS, "model": "a.onnx", "inferences_per_s": 1}, ConfigError, "give model, an ONNX"),
        (NUMBERS, ConfigError, "inferences_per_s"),
        ({"model": "none.onnx", "inferences_per_s": 1}, ConfigError, "no ONNX file none.onnx"),
        ({**NUMBERS, "inferences_per_s": 1000}, DeploymentError, "take 10 of the device's life"),
    ],
)
def test_what_cannot_be_is_one_line(beside, error, said, tiny):
    with pytest.raises(error) as caught:
        resolved(config_from_mapping(config(tiny, beside)))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_estimate_takes_files_beside(model, in_process):
    words = ["estimate", model, "--hardware", "stm32l4r5:int8", "--grid", "fr"]
    words += ["--inferences", "1e6", "--lifetime-years", "4"]
    done = in_process(*words, "--beside", f"{model}=5", "--explain")
    assert "other models on the device, words (" in done.stdout
    assert done.stdout.startswith("stm32l4r5-int8-fr-with-words: fits")
    wrong = in_process(*words, "--beside", f"{model}")
    assert "give FILE.onnx=INFERENCES_PER_S" in wrong.stderr
