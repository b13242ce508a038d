"""Makes tokenizer/testdata/*.jsonl.gz with the tokenizers library.

    pip install tokenizers==0.23.3
    python internal/reference/tokenizer_cases.py tokenizer/testdata ../shared

cases: a line {"tokenizer": "<tokenizer.json>"} begins a group; each line
behind it is one text, or pair, or batch, and what the library makes of it.
regex: a pattern a line, and where it matches in a few texts.
charsmap: texts and what the table of replacements in T5's SentencePiece model makes of them.
"""

import base64
import gzip
import io
import json
import struct
import sys

from tokenizers import Regex, Tokenizer, normalizers as library, pre_tokenizers

LETTERS = "abcdefghijklmnopqrstuvwxyz"
TEXTS = [
    "", " ", "a", "Hello, world!", "  two  spaces\tand\na line ", "naïve café ÀÉÎ Straße İstanbul ΑΣ",
    "re\u0301sume\u0301 a\u0323\u0307 a\u0307\u0323 \u1e0b\u0323 ﬁ ½ ² Å Ⅷ", "日本語テキスト、漢字かな交じり。ー", "한국어 각",
    "emoji 👩‍👩‍👧 🇩🇪 👍🏽!", "x\u00a0y\u2003z\u200bq\u200d\ufeff", "tab\x0b\x0c\x85 \x1c\x00\x7f end", "12³ ٣٤ 1,234.5",
    "don't I'll they've 'S", "a<m>b <m> c  <m>  d", "the cat,thecat the cat the", "ABC[X]abc [x] [X]", "aaaa▁b ▁▁c ▁", "\r\n\r\na\r\n", "Ж_б-в ж ﷺ",
]
PAIRS = [("a b c d e f", "g h"), ("a", "b c d e f g h i"), ("", "a b"), ("a b", ""), ("a b c d e", "f g h i j"), ("x y z", "x y z")]


def added(content, i, **over):
    return {"id": i, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": True, **over}


def document(model, **over):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
            "pre_tokenizer": None, "post_processor": None, "decoder": None, "model": model, **over}


def words(*more):
    vocab = {c: i for i, c in enumerate(LETTERS)}
    for w in ("<unk>", "[CLS]", "[SEP]", "[PAD]", "<m>", "the", "cat") + more:
        vocab[w] = len(vocab)
    return {"type": "WordLevel", "vocab": vocab, "unk_token": "<unk>"}


def letters(**over):
    """Byte pairs without pairs: a token a character, most of them unknown."""
    vocab = {c: i for i, c in enumerate(LETTERS + "▁Ġ ")}
    vocab["<unk>"] = len(vocab)
    return {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": vocab, "merges": [], **over}


def whole():
    """Unigram that knows nothing: each piece is one unknown token that reads like it."""
    return {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0]], "byte_fallback": False}


def charsmap(rules):
    """A precompiled_charsmap: a double array as Darts-clone lays it out, and the replacements."""
    block, values = b"", {}
    for key, value in rules.items():
        values[key.encode() + b"\0"] = len(block)
        block += value.encode() + b"\0"
    children = {}
    for key in values:
        for i in range(len(key)):
            children.setdefault(key[:i], set()).add(key[i])
    units, used = {0: 0}, {0}
    queue = [(b"", 0)]
    while queue:
        prefix, at = queue.pop(0)
        labels = sorted(children[prefix])
        offset = 1
        while any((at ^ offset ^ c) in used for c in labels):
            offset += 1
        used.update(at ^ offset ^ c for c in labels)
        units[at] = units[at] | offset << 10 | (1 << 8 if 0 in labels else 0)
        for c in labels:
            child = at ^ offset ^ c
            if c == 0:
                units[child] = values[prefix + b"\0"] | 1 << 31
            else:
                units[child] = c
                queue.append((prefix + bytes([c]), child))
    size = (max(units) | 0xFF) + 1
    table = b"".join(struct.pack("<I", units.get(i, 0)) for i in range(size))
    return base64.b64encode(struct.pack("<I", len(table)) + table + block).decode()


RULES = {"ﬁ": "fi", "²": "2", "\t": " ", "\n": " ", "\u200b": "", "a\u0307": "ȧ", "Å": "A", "e\u0301": "é", "É": "É",
         "\r\n": " ", "語": "ご", "☃": "snowman", "\x7f": "", "½": "1/2", "\u00a0": " "}

BERT = {"type": "BertProcessing", "sep": ["[SEP]", 28], "cls": ["[CLS]", 27]}
SPLIT = {"type": "WhitespaceSplit"}


def template(b=1):
    special = lambda t, i: {"SpecialToken": {"id": t, "type_id": i}}
    text = lambda t, i: {"Sequence": {"id": t, "type_id": i}}
    return {"type": "TemplateProcessing",
            "single": [special("[CLS]", 0), text("A", 0), special("[SEP]", 0)],
            "pair": [special("[CLS]", 0), text("A", 0), special("[SEP]", 0), text("B", b), special("[SEP]", b)],
            "special_tokens": {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in (("[CLS]", 27), ("[SEP]", 28))}}


def normalizers():
    yield {"type": "Precompiled", "precompiled_charsmap": charsmap(RULES)}
    yield {"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": charsmap(RULES)}, {"type": "NFD"}, {"type": "Lowercase"}]}
    for name in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "ByteLevel"):
        yield {"type": name}
    yield {"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "StripAccents"}, {"type": "NFC"}, {"type": "Strip", "strip_left": True, "strip_right": False}]}
    for left, right in ((True, True), (True, False), (False, True)):
        yield {"type": "Strip", "strip_left": left, "strip_right": right}
    for clean in (True, False):
        for accents in (None, True, False):
            yield {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": clean, "strip_accents": accents, "lowercase": not clean}
    yield {"type": "Prepend", "prepend": "▁▁"}
    for pattern, content in (({"String": " "}, "▁"), ({"String": "a"}, ""), ({"Regex": "[aeiou]+"}, "<é>"), ({"Regex": "^"}, "¿¿"), ({"Regex": "$"}, "!"), ({"Regex": "\\s{2,}"}, " "), ({"String": ""}, "-")):
        yield {"type": "Replace", "pattern": pattern, "content": content}
        yield {"type": "Sequence", "normalizers": [{"type": "Replace", "pattern": pattern, "content": content}, {"type": "NFC"}, {"type": "Lowercase"}]}


def splitters():
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        yield {"type": "Punctuation", "behavior": behavior}
        for invert in (True, False):
            yield {"type": "Split", "pattern": {"Regex": "[ae ]"}, "behavior": behavior, "invert": invert}
        yield {"type": "Split", "pattern": {"String": "  "}, "behavior": behavior, "invert": False}
    for scheme in ("always", "first", "never"):
        for split in (True, False):
            yield {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split}
    for name in ("BertPreTokenizer", "Whitespace", "WhitespaceSplit", "UnicodeScripts"):
        yield {"type": name}
    for individual in (True, False):
        yield {"type": "Digits", "individual_digits": individual}
    for space in (True, False):
        for split in (True, False):
            yield {"type": "ByteLevel", "add_prefix_space": space, "trim_offsets": True, "use_regex": split}
    yield {"type": "FixedLength", "length": 3}
    yield {"type": "CharDelimiterSplit", "delimiter": "e"}
    yield {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}, {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": False}]}


def decoders():
    yield {"type": "BPEDecoder", "suffix": "e"}
    for cleanup in (True, False):
        yield {"type": "WordPiece", "prefix": "a", "cleanup": cleanup}
        yield {"type": "CTC", "pad_token": "e", "word_delimiter_token": "l", "cleanup": cleanup}
    yield {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    for scheme in ("always", "never"):
        yield {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": True}
    yield {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 1}]}
    yield {"type": "Replace", "pattern": {"Regex": "[a-f]"}, "content": "·"}


def groups():
    for n in normalizers():
        yield document(letters(), normalizer=n), TEXTS, []
        yield document(whole(), normalizer=n), TEXTS[3:12:2], []
    for p in splitters():
        yield document(whole(), pre_tokenizer=p), TEXTS, []
    for d in decoders():
        yield document(letters(), pre_tokenizer=None, decoder=d), TEXTS[3:], []
    for options in ({"lstrip": True}, {"rstrip": True}, {"lstrip": True, "rstrip": True}, {"single_word": True}, {"normalized": True}, {"single_word": True, "normalized": True, "rstrip": True}):
        tokens = [added("<m>", 30, **options), added("the", 31, special=False, **options), added("[X]", 33, **options), added(" c", 34, special=False, **options)]
        for normalizer in (None, {"type": "Lowercase"}, {"type": "Prepend", "prepend": "▁"}):
            yield document(words(), added_tokens=tokens, normalizer=normalizer, pre_tokenizer=SPLIT), TEXTS, PAIRS[:2]
    for space in (True, False):
        for trim in (True, False):
            level = {"type": "ByteLevel", "add_prefix_space": space, "trim_offsets": trim, "use_regex": True}
            roberta = {"type": "RobertaProcessing", "sep": ["[SEP]", 28], "cls": ["[CLS]", 27], "trim_offsets": trim, "add_prefix_space": space}
            yield document(letters(), pre_tokenizer=level, post_processor=level), TEXTS, PAIRS
            yield document(letters(), pre_tokenizer=level, post_processor=roberta), TEXTS, PAIRS
            yield document(whole(), post_processor=roberta), TEXTS, PAIRS
            yield document(whole(), pre_tokenizer=level, post_processor={"type": "Sequence", "processors": [level, template()]}), TEXTS, PAIRS
    for post in (None, BERT, template(), template(0)):
        yield document(words(), pre_tokenizer=SPLIT, post_processor=post), [], PAIRS
        for strategy in ("LongestFirst", "OnlyFirst", "OnlySecond"):
            for direction in ("Left", "Right"):
                for length, stride in ((6, 0), (7, 1), (3, 0), (5, 1)):
                    cut = {"direction": direction, "max_length": length, "strategy": strategy, "stride": stride}
                    yield document(words(), pre_tokenizer=SPLIT, post_processor=post, truncation=cut), ["a b c d e f g h i j", "a b"], PAIRS
    for strategy in ("BatchLongest", {"Fixed": 8}):
        for direction in ("Left", "Right"):
            for multiple in (None, 0, 4):
                pad = {"strategy": strategy, "direction": direction, "pad_to_multiple_of": multiple, "pad_id": 29, "pad_type_id": 2, "pad_token": "[PAD]"}
                cut = {"direction": "Right", "max_length": 5, "strategy": "LongestFirst", "stride": 1}
                yield document(words(), pre_tokenizer=SPLIT, post_processor=BERT, padding=pad), ["a b c", ""], PAIRS[:2]
                yield document(words(), pre_tokenizer=SPLIT, post_processor=BERT, padding=pad, truncation=cut), ["a b c d e f g h"], PAIRS[:1]
    for over in ({"fuse_unk": True}, {"byte_fallback": True}, {"end_of_word_suffix": "e"}, {"continuing_subword_prefix": "a"}, {"unk_token": None}, {"ignore_merges": True}):
        model = letters(**over)
        for i in range(256):
            if over.get("byte_fallback") and i != 0xA9:
                model["vocab"][f"<0x{i:02X}>"] = len(model["vocab"])
        for token in ("he", "ll", "hell", "ae", "oe", "aoe"):
            model["vocab"].setdefault(token, len(model["vocab"]))
        model["merges"] = [] if "continuing_subword_prefix" in over else [["h", "e"], ["l", "l"], ["he", "ll"]]
        yield document(model, pre_tokenizer=SPLIT, decoder={"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}), TEXTS, []
        yield document(model), TEXTS, []


    roberta = {"type": "RobertaProcessing", "sep": ["[SEP]", 28], "cls": ["[CLS]", 27], "trim_offsets": True, "add_prefix_space": False}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    for post in (roberta, level, {"type": "Sequence", "processors": [level, template()]}):
        cut = {"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 1}
        yield document(letters(), pre_tokenizer=level, post_processor=post, truncation=cut), ["a b c d e f g h i j", "a b"], PAIRS
    unigram = {"type": "Unigram", "unk_id": 0, "byte_fallback": True,
               "vocab": [["<unk>", 0.0], ["▁", -2.0], ["a", -3.0], ["ab", -3.5], ["abc", -9.0], ["b", -3.0], ["c", -4.0], ["▁the", -5.0], ["he", -6.0], ["<unk>x", -2.0]]
               + [[f"<0x{i:02X}>", -20.0] for i in range(256) if i != 0xA9]}
    for fallback in (True, False):
        yield document({**unigram, "byte_fallback": fallback}, decoder={"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}), TEXTS + ["abcabab<unk>x<unk><unk>", "éaéé"], []
    for model in ({**unigram, "unk_id": None}, {**words(), "unk_token": "[none]"}, letters(unk_token="[none]"),
                  {"type": "WordPiece", "unk_token": "[none]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 5, "vocab": {"a": 0, "b": 1, "##b": 2}}):
        yield document(model, pre_tokenizer=SPLIT), ["a b", "ab", "é", "abbbbbbbb"], []
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    yield document({"type": "WordLevel", "vocab": {**{c: i for i, c in enumerate(alphabet)}, "▁x": 256}, "unk_token": "a"}, decoder=level), [], []


def random_ids(n):
    """Sequences of the bytes' letters, most of which are no UTF-8."""
    state = 1
    for _ in range(n):
        ids = []
        for _ in range(12):
            state = state * 1103515245 + 12345 & 0x7FFFFFFF
            ids.append(state >> 12 & 0xFF if state & 0x700 else 256)
        yield ids


def encoded(e, sequence=True):
    line = {"ids": e.ids, "tokens": e.tokens, "offsets": e.offsets, "type_ids": e.type_ids,
            "special": e.special_tokens_mask, "attention": e.attention_mask}
    if sequence:
        line["sequence"] = [-1 if s is None else s for s in e.sequence_ids]
    return line


def case(k, text, pair=None):
    try:
        e = k.encode(text, pair)
    except BaseException as error:  # the library panics on some of these
        return {"text": text, **({"pair": pair} if pair is not None else {}), "error": str(error)}
    line = {"text": text, **({"pair": pair} if pair is not None else {}), **encoded(e)}
    if e.overflowing:
        # without a post-processor the library loses which text a window's tokens are of
        line["overflowing"] = [encoded(o, k.post_processor is not None) for o in e.overflowing]
    if k.truncation is None and k.padding is None:
        line["plain_ids"] = k.encode(text, pair, add_special_tokens=False).ids
        try:
            line["decoded"] = k.decode(e.ids, skip_special_tokens=False)
            line["decoded_skip"] = k.decode(e.ids)
        except BaseException:
            pass
    return line


def create(path):
    """A gzipped text file that is the same each time it is made."""
    return io.TextIOWrapper(gzip.GzipFile(filename="", fileobj=open(path, "wb"), mode="wb", mtime=0), encoding="utf-8")


def write_cases(path):
    with create(path) as out:
        put = lambda line: out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
        for doc, texts, pairs in groups():
            put({"tokenizer": json.dumps(doc, ensure_ascii=False)})
            k = Tokenizer.from_str(json.dumps(doc))
            for text in texts:
                put(case(k, text))
            for text, pair in pairs:
                put(case(k, text, pair))
            if not texts and not pairs:
                for ids in random_ids(300):
                    put({"decode": ids, "decoded": k.decode(ids)})
            if doc["padding"]:
                put({"batch": ["a", "a b c d e", ""], "encoded": [encoded(e) for e in k.encode_batch(["a", "a b c d e", ""])]})


PATTERNS = [
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"(?i:[sdmt]|ll|ve|re)?\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}",
    r"\b\w+\b", r"^\s*|a$", r"(?<=a)b|(?<!x|yz)c", r"(?>a+)b|a*?c", r"[[:punct:]]+", r"[^\S\n]+", r"[a-z&&[^aeiou]]+", r"(?m).+", r".+",
    r"\h+", r"(?i)kelvin?|[k-s]+", r"(?:ab|a)(?:c|bcd)", r"a{2,3}?|b{2}|c{,2}d|{x}", r"", r"x*", r"(?x) a b # c", r"[\]\[^-]+", r"[^]a]+", r"(a|b)+?c",
    r"\p{Han}+|\p{^L}+|\P{L}", r"\u00e9|\x{1F44D}|\x41", r"(?=[aeiou])", r"a++a|a+a", r"\A.|.\z|\n\Z", r"(?-i)a(?i)b|c", r"[\d\s]+|\D", r"[一-龥]+|[ー]",
    r"[\x00-\x1f\a\e\f\v\t\n\r\x7F]+", r"\p{Cyrillic}+|\p{hiragana}|\p{Old_Italic}|\p{Zs}|\p{Uppercase_Letter}|\p{Alphabetic}", r"[[:^alpha:]]+", r"[[:lower:][:upper:]]+|[[:digit:][:cntrl:]]",
    r"[[:xdigit:]]{2}", r"(?<=[ab]{2})c|(?<=(?:x|yy?)z)c|(?<!^|a{1,3})b|(?<!x)a", r"\S\s\D\W|\H{3}", r"(?x-i: a (?#one) [b c] ) | \.", r"(?:(?:a|b){1,2}){2}", r"(?:a|ab)??c|(?:ab){1,}?", r"(?!a)\w(?!\w)", r"[^\p{L}\p{N}\s]{2,}|\p{P}\B", r"(?i:é|ж)", r"x|", r"\p{Punct}|\p{Space}\p{Digit}",
]
STRINGS = TEXTS + ["ab abc abcd aab aaa b cc xc yzc ac xyzc d ccd {x} ]a[^-", "sSſkKK STRASSE", "aAbBcC", "line\nlines\n", "I'M they'LL DON'T x'y", "aaaaaaaaaaaaaaaac"]


def write_regex(path):
    with create(path) as out:
        for pattern in PATTERNS:
            p = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
            q = pre_tokenizers.Split(Regex(pattern), "removed")
            line = {"pattern": pattern, "texts": [{"text": s, "matches": [o for _, o in p.pre_tokenize_str(s)], "between": [o for _, o in q.pre_tokenize_str(s)]} for s in STRINGS]}
            out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


def table(path):
    """The table in a SentencePiece model: field 2 of the normalizer whose name, field 1, is nmt_nfkc."""
    data = open(path, "rb").read()
    at = data.index(b"\x0a\x08nmt_nfkc\x12") + 11
    size, shift = 0, 0
    while True:
        size |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not data[at - 1] & 0x80:
            return data[at:at + size]


def write_charsmap(path, shared):
    n = library.Precompiled(table(shared + "/tokenizers/sentencepiece/t5_tokenizer_base.model"))
    blocks = [range(0, 0x250), range(0x2000, 0x2200), range(0xFB00, 0xFB07), range(0xFF00, 0xFFF0), range(0x3200, 0x3300), range(0x300, 0x340)]
    texts = STRINGS + [f"e{chr(c)}a" for b in blocks for c in b] + [a + chr(c) for a in "aeiouAEIOUncsyz" for c in range(0x300, 0x330)]
    with create(path) as out:
        for text in texts:
            out.write(json.dumps({"text": text, "normalized": n.normalize_str(text)}, ensure_ascii=False) + "\n")


write_cases(sys.argv[1] + "/cases.jsonl.gz")
write_charsmap(sys.argv[1] + "/charsmap.jsonl.gz", sys.argv[2])
write_regex(sys.argv[1] + "/regex.jsonl.gz")
