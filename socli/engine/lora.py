"""Low-rank adapters instead of all weights: less memory, and merged again when they are saved.

Owner of peft, which takes seconds to import and is not installed unless asked for.
"""

import importlib.util
from typing import Any

import torch

from socli.errors import MissingError

_PLACES = {
    "gpt2": ["c_attn", "c_proj", "c_fc"],
    "llama": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
}
"""The matrices of a layer, by family; Qwen's are called as Llama's."""


def installed() -> bool:
    """Whether peft is there, without importing it."""
    return importlib.util.find_spec("peft") is not None


def adapt(model: Any, rank: int) -> None:
    """Freeze the model and put adapters of that rank beside every matrix of its layers, in place.

    Scaled by two, as is usual; no dropout. Raises MissingError without peft.
    """
    if not installed():
        raise MissingError(
            "LoRA needs peft, which is not installed", hint="pip install 'socli-distill[lora]'"
        )
    from peft import LoraConfig, inject_adapter_in_model

    family = model.config.model_type
    places = _PLACES.get(family, _PLACES["llama"])
    model.requires_grad_(requires_grad=False)
    like_conv = family == "gpt2"  # whose matrices are stored the other way round
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=places, fan_in_fan_out=like_conv)
    inject_adapter_in_model(config, model)
    for name, weight in model.named_parameters():
        weight.requires_grad_("lora_" in name)


@torch.no_grad()
def merged(model: Any) -> dict[str, torch.Tensor]:
    """The model's weights by their usual names, every adapter added to the matrix beside it.

    The model stays as it is; without adapters these are its own weights.
    """
    state: dict[str, torch.Tensor] = {
        name.replace(".base_layer.", "."): weight
        for name, weight in model.state_dict().items()
        if ".lora_" not in name
    }
    for name, module in model.named_modules():
        if hasattr(module, "get_delta_weight"):
            matrix = module.get_base_layer().weight
            state[f"{name}.weight"] = matrix.float() + module.get_delta_weight("default").float()
    return state
