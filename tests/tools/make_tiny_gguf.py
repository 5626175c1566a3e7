"""Write a language model of 1 MB that says one sentence: nothing to download, always the same.

    python make_tiny_gguf.py tiny.gguf [--loop] [--sentence TEXT]

Needs ``gguf`` (and with it ``numpy``); the model is for llama.cpp.

How it works: attention and feed-forward are zero, so the residual stream is the
embedding of the last token alone, and the output matrix maps each embedding to
the token that follows it in the sentence.  At temperature 0 the model recites
the sentence whatever it is asked, then says that it is at the end; with
``--loop`` it begins again, and only a limit or a client that leaves ends it.

Characters beyond ASCII are not in the vocabulary: they are spelled by byte
tokens, so that the server has to put them together.  A token has one successor,
therefore no word and no such byte may occur twice.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import gguf
import numpy as np

SENTENCE = "Hello from a tiny llama: café 🦙 works and the stream ends here."
# No token a prompt is made of; each is what comes before an answer's first word.
ROLES = ("<|system|>", "<|user|>", "<|assistant|>", "<|tool|>", "<|end|>")
TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
BLANK = "\u2581"  # how SentencePiece writes a blank

WIDTH, HEADS, HIDDEN = 256, 4, 64
LOGIT = 24.0  # of the wanted successor; that of the others stays near 1.5
CONTEXT = 131_072  # claimed, so that the server's own limit is what counts


@dataclass
class Vocabulary:
    """Tokens in the order of their ids, and the ids that make the sentence."""

    tokens: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    chain: list[int] = field(default_factory=list)

    def add(self, token: str, kind: int, score: float = 0.0) -> int:
        self.tokens.append(token)
        self.scores.append(score)
        self.kinds.append(int(kind))
        return len(self.tokens) - 1

    def id(self, token: str) -> int:
        return self.tokens.index(token)


def vocabulary(sentence: str) -> Vocabulary:
    """Everything needed to say *sentence*, and to read any prompt."""
    kind = gguf.TokenType
    words = Vocabulary()
    words.add("<unk>", kind.UNKNOWN)
    words.add("<s>", kind.CONTROL)
    words.add("</s>", kind.CONTROL)
    for byte in range(256):
        words.add(f"<0x{byte:02X}>", kind.BYTE)
    for role in ROLES:
        words.add(role, kind.USER_DEFINED)
    first, *rest = sentence.split(" ")
    for number, word in enumerate([first, *(BLANK + each for each in rest)]):
        head = ascii_head(word)
        if head:
            # Better than its letters one by one, or the prompt's words would be others.
            words.chain.append(words.add(head, kind.NORMAL, -1.0 - number / 1000))
        tail = word[len(head) :].encode()
        words.chain.extend(words.id(f"<0x{byte:02X}>") for byte in tail)
    if len(set(words.chain)) < len(words.chain) or len(set(words.tokens)) < len(words.tokens):
        raise SystemExit("no word, and no byte beyond ASCII, may occur twice in the sentence")
    for code in range(32, 127):
        letter = BLANK if code == 32 else chr(code)
        if letter not in words.tokens:
            words.add(letter, kind.NORMAL, -10.0 - code)
    while len(words.tokens) % 32:
        words.add(f"<unused{len(words.tokens)}>", kind.UNUSED)
    return words


def ascii_head(word: str) -> str:
    """The beginning of *word* up to its first character beyond ASCII, if there is one."""
    stop = next((i for i, c in enumerate(word) if not c.isascii() and c != BLANK), len(word))
    return word[:stop]


def tensors(words: Vocabulary, *, loop: bool) -> Iterator[tuple[str, np.ndarray]]:
    """The weights by name."""
    embedding = np.random.default_rng(0).standard_normal((len(words.tokens), WIDTH))
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    successor = np.zeros_like(embedding)
    path = [words.id("<|assistant|>"), *words.chain]
    path.append(words.chain[0] if loop else words.id("</s>"))
    for here, there in itertools.pairwise(path):
        # The norm before the output scales a unit vector by the root of its width.
        successor[there] += embedding[here] * LOGIT / np.sqrt(WIDTH)
    yield "token_embd.weight", embedding.astype(np.float16)
    yield "output.weight", successor.astype(np.float16)
    yield "output_norm.weight", np.ones(WIDTH, np.float32)
    for name, rows, columns in [
        ("attn_q", WIDTH, WIDTH),
        ("attn_k", WIDTH, WIDTH),
        ("attn_v", WIDTH, WIDTH),
        ("attn_output", WIDTH, WIDTH),
        ("ffn_gate", HIDDEN, WIDTH),
        ("ffn_up", HIDDEN, WIDTH),
        ("ffn_down", WIDTH, HIDDEN),
    ]:
        yield f"blk.0.{name}.weight", np.zeros((rows, columns), np.float16)
    for name in ("attn_norm", "ffn_norm"):
        yield f"blk.0.{name}.weight", np.ones(WIDTH, np.float32)


def write(path: str, sentence: str, *, loop: bool) -> None:
    """Write the model."""
    words = vocabulary(sentence)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(words.tokens))
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([token.encode() for token in words.tokens])
    writer.add_token_scores(words.scores)
    writer.add_token_types(words.kinds)
    writer.add_unk_token_id(words.id("<unk>"))
    writer.add_bos_token_id(words.id("<s>"))
    writer.add_eos_token_id(words.id("</s>"))
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)
    for name, weights in tensors(words, loop=loop):
        writer.add_tensor(name, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a tiny model that says one sentence.")
    parser.add_argument("path")
    parser.add_argument("--loop", action="store_true", help="say the sentence for ever")
    parser.add_argument("--sentence", default=SENTENCE)
    arguments = parser.parse_args()
    write(arguments.path, arguments.sentence, loop=arguments.loop)


if __name__ == "__main__":
    main()
