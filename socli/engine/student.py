"""The small model: load and save it, turn text into its tokens.

Owner of transformers; with `attention`, `batches`, `decode` and `distill` the only users of torch.
Weights are safetensors, remote code stays off, and text can never become a control token.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

from socli.engine import attention, lora
from socli.errors import MissingError

Precision = Literal["fp32", "bf16"]
KNOWN_TYPES = ("llama", "gpt2", "qwen2")
"""Others would load, but scale or cap their scores in ways that `decode` and `training` leave out."""

transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
if hasattr(os, "sched_getaffinity") and "OMP_NUM_THREADS" not in os.environ:
    _beside = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # processes that train together here
    torch.set_num_threads(
        max(1, len(os.sched_getaffinity(0)) // _beside)
    )  # what we may use, not what there is


@dataclass(frozen=True, slots=True)
class Student:
    """A model with its tokenizer, on a device. `name` is what the user calls it."""

    name: str
    model: Any
    tokenizer: Any
    device: torch.device

    @property
    def parameters(self) -> int:
        """How many numbers the model has."""
        return sum(p.numel() for p in self.model.parameters())

    @property
    def end(self) -> int:
        """The id of the end token that closes every lesson."""
        return int(self.tokenizer.eos_token_id)


def device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_name() -> str:
    """What the device is called: the GPU's name, or `cpu`."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def fast_precision(where: torch.device) -> Precision:
    """bf16 where the hardware multiplies it, fp32 elsewhere."""
    if where.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported() else "fp32"


def load(folder: Path, name: str, precision: Precision, where: torch.device | None = None) -> Student:
    """A student from a transformers folder, in evaluation mode, with weights in `precision`.

    MissingError where a part of the model is not there or cannot be read.
    """
    where = where or device()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        _close_to_text(tokenizer)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.bfloat16 if precision == "bf16" else torch.float32,
            attn_implementation="sdpa",
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
        model, report = loaded
        if model.config.model_type not in KNOWN_TYPES:
            raise ValueError(f"models of the type {model.config.model_type} are not supported")
        if report["missing_keys"]:  # transformers would go on with random ones
            raise ValueError(f"{len(report['missing_keys'])} of its weights are missing")
    except Exception as error:  # four libraries raise what they like about a broken folder
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise MissingError(
            f"the model in {folder} cannot be loaded: {reason}",
            hint="fetch it again with `socli models fetch`, or name another with --set student.base=",
        ) from error
    model.to(where)
    return Student(name, model.eval(), tokenizer, where)


def _close_to_text(tokenizer: Any) -> None:
    """Make every added token special, so that `tokens` never finds one in text.

    `split_special_tokens` spells out special tokens alone, and Qwen's `<tool_call>` is not called special.
    """
    if tokenizer.eos_token_id is None:
        raise ValueError("its tokenizer has no end token")
    backend = tokenizer.backend_tokenizer
    backend.add_special_tokens([token.content for token in backend.get_added_tokens_decoder().values()])


def longest(student: Student) -> int:
    """How many tokens, prompt and answer together, the model can attend to."""
    return int(student.model.config.max_position_embeddings)


def save(student: Student, folder: Path) -> None:
    """Weights (safetensors, bf16), configuration and tokenizer into `folder`."""
    state = {name: weight.to(torch.bfloat16) for name, weight in lora.merged(student.model).items()}
    with attention.named(student.model, "sdpa"):
        student.model.save_pretrained(folder, state_dict=state)
    student.tokenizer.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"dtype": "bfloat16"}, indent=2))


def tokens(student: Student, texts: list[str]) -> list[list[int]]:
    """Token ids of each text, without any special token, even where the text spells one out."""
    if not texts:
        return []
    encoded = student.tokenizer(texts, add_special_tokens=False, split_special_tokens=True)
    return [list(ids) for ids in encoded["input_ids"]]
