"""Published models with random weights, as `carbon-nas estimate FILE.py:FUNCTION` takes them.

Each function returns a module of torchvision or transformers and one sample for it. Nothing is
downloaded: sizes are those of the libraries' configuration classes, or are written here.
"""

from __future__ import annotations

from typing import Any

import torch
import transformers
from torch import Tensor, nn

_DECLARED: list[torch.library.Library] = []


def _torchvision_models() -> Any:
    """torchvision's models, also where its compiled operators do not load.

    PyPI's wheel is built beside another build of torch than the one for CPUs. Its library is then
    left out, and its Python code fails at operators that nobody declared. Their names and types
    are enough to import it: no model here selects boxes.
    """
    try:
        from torchvision import models
    except RuntimeError:
        operators = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            operators.define(f"{name}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
        _DECLARED.append(operators)
        from torchvision import models
    return models


vision = _torchvision_models()  # before models of transformers, which look for torchvision


class OneOutput(nn.Module):
    """One tensor of those that a model of transformers gives."""

    def __init__(self, model: nn.Module, wanted: str, **options: Any) -> None:
        super().__init__()
        self.model, self._wanted, self._options = model, wanted, options

    def forward(self, given: Tensor) -> Tensor:
        return self.model(given, **self._options)[self._wanted]


def _image(name: str) -> tuple[nn.Module, Tensor]:
    return getattr(vision, name)(weights=None), torch.zeros(1, 3, 224, 224)


def _text(tokens: int, model: nn.Module, wanted: str, **options: Any) -> tuple[nn.Module, Tensor]:
    return OneOutput(model, wanted, **options), torch.zeros(1, tokens, dtype=torch.long)


def resnet18():
    return _image("resnet18")


def resnet50():
    return _image("resnet50")


def mobilenet_v2():
    return _image("mobilenet_v2")


def mobilenet_v3_large():
    return _image("mobilenet_v3_large")


def efficientnet_b0():
    return _image("efficientnet_b0")


def densenet121():
    return _image("densenet121")


def shufflenet_v2_x1_0():
    return _image("shufflenet_v2_x1_0")


def convnext_tiny():
    return _image("convnext_tiny")


def vit_b_16():
    return _image("vit_b_16")


def swin_t():
    return _image("swin_t")


def bert_base():
    return _text(128, transformers.BertModel(transformers.BertConfig()), "pooler_output")


def distilbert():
    model = transformers.DistilBertModel(transformers.DistilBertConfig())
    return _text(128, model, "last_hidden_state")


def gpt2_small():
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config())
    return _text(1024, model, "logits", use_cache=False)


def smollm_135m():
    """Grouped queries, RMSNorm, rotary positions: the sizes of HuggingFaceTB/SmolLM-135M."""
    config = transformers.LlamaConfig(
        vocab_size=49_152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
    )
    return _text(128, transformers.LlamaForCausalLM(config), "logits", use_cache=False)


def whisper_tiny_encoder():
    config = transformers.WhisperConfig(
        d_model=384, encoder_layers=4, encoder_attention_heads=6, encoder_ffn_dim=1536
    )
    encoder = transformers.WhisperModel(config).encoder
    return OneOutput(encoder, "last_hidden_state"), torch.zeros(1, 80, 3000)


class Cell(nn.Module):
    """A cell of NAS-Bench-201 with one operation on all of its six edges."""

    def __init__(self, operation: str, channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(self._edge(operation, channels) for _ in range(6))

    @staticmethod
    def _edge(operation: str, channels: int) -> nn.Module:
        if operation == "skip_connect":
            return nn.Identity()
        return _unit(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        first, second, third, *last = self.edges
        node1 = first(x)
        node2 = second(x) + third(node1)
        return last[0](x) + last[1](node1) + last[2](node2)


class Residual(nn.Module):
    """The block between two stages of NAS-Bench-201."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            _unit(channels, 2 * channels, 2), _unit(2 * channels, 2 * channels, 1)
        )
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, 2), nn.Conv2d(channels, 2 * channels, 1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) + self.shortcut(x)


def _unit(narrow: int, wide: int, stride: int) -> nn.Module:
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(narrow, wide, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(wide),
    )


def _nasbench201(operation: str) -> tuple[nn.Module, Tensor]:
    """Dong and Yang 2020, arXiv:2001.00326, section 2: three stages of five cells, CIFAR-10."""
    steps: list[nn.Module] = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)]
    for channels in (16, 32, 64):
        steps += [Residual(channels // 2)] if channels > 16 else []
        steps += [Cell(operation, channels) for _ in range(5)]
    steps += [nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*steps, nn.Linear(64, 10)), torch.zeros(1, 3, 32, 32)


def nasbench201_conv3x3():
    return _nasbench201("nor_conv_3x3")


def nasbench201_skip():
    return _nasbench201("skip_connect")
