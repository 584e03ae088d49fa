"""GGUF to safetensors, as a process of its own: `python convert.py FILE.gguf FOLDER`.

Its own, so that the parser of a foreign format, its progress bars and the 0.9 GB it takes for 135 M
parameters end with it. Whoever starts it has checked the file's hash: gguf's reader hangs on some headers.
"""

import os
import sys
import threading
from pathlib import Path


def convert(gguf: Path, folder: Path) -> None:
    """Write the model, de-quantised to bf16, and its tokenizer into `folder`.

    `GgufConfig(dequantize=True)` and not `model.dequantize()`: only then does the model remember no quantiser
    and can be saved. transformers needs accelerate for this and for nothing else here.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _die_with_parent() -> None:
    """Standard input closes when whoever started this is gone, also killed: nothing may be written after."""
    os.read(0, 1)  # and not sys.stdin, whose lock would be missed at the end
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_die_with_parent, daemon=True).start()
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
