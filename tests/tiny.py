"""Students of real architectures, two layers deep and 32 wide, made here: nothing is downloaded."""

from pathlib import Path

import torch
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

END, CONTROL, TOOL = "<|endoftext|>", "<|im_end|>", "<tool_call>"
FAMILIES = ("llama", "gpt2", "qwen2")
POSITIONS = 512

TEXT = """\
Problem: Nora packs 4 boxes of 12 candles and keeps 8 back. How many candles are in the boxes she sells?
Ask: How many candles does Nora pack?
Work: She packs 4*12 = <<4*12=48>>48 candles.
Ask: How many candles are left to sell?
Work: There are 48-8 = <<48-8=40>>40 candles left.
#### 40
Problem: Could a snail cross a football field in one night?
Facts: A snail moves about a metre a minute. A football field is about 100 metres long.
Ask: How long does a snail need?
#### yes
"""


def tokenizer(family: str) -> PreTrainedTokenizerFast:
    """A byte-level BPE like the family's: SmolLM2 and Qwen split digits, GPT-2 does not; Qwen adds
    `<tool_call>`, which it does not call special.
    """
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = (
        bytes_
        if family == "gpt2"
        else pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), bytes_])
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[END, CONTROL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([TEXT] * 2, trainer)
    if family == "qwen2":
        made.add_tokens([AddedToken(TOOL, special=False, normalized=False)])
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token=END)


def config(family: str, vocabulary: int) -> transformers.PretrainedConfig:
    """The family's own configuration class, small."""
    common = {"vocab_size": vocabulary, "bos_token_id": 0, "eos_token_id": 0}
    if family == "gpt2":
        return transformers.GPT2Config(n_layer=2, n_embd=32, n_head=4, n_positions=POSITIONS, **common)
    kind = {"llama": transformers.LlamaConfig, "qwen2": transformers.Qwen2Config}[family]
    return kind(
        num_hidden_layers=2,
        hidden_size=32,
        intermediate_size=96,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=POSITIONS,
        tie_word_embeddings=True,
        **common,
    )


def build(family: str, folder: Path) -> Path:
    """A random student of the family in `folder`, as transformers writes it; the same one each time."""
    words = tokenizer(family)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = AutoModelForCausalLM.from_config(config(family, len(words)))
        for weight in model.parameters():  # larger than real ones begin, so that the likeliest token varies
            if weight.ndim == 2:
                torch.nn.init.normal_(weight, std=0.2)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder
