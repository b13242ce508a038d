"""Makes tokenizer/tables_generated.go and tokenizer/testdata/unicode.jsonl with the tokenizers library.

    pip install tokenizers==0.23.3
    python internal/reference/unicode_tables.py tokenizer

The library's parts know different versions of Unicode: BERT's normalizer and
pre-tokenizer version 8, normal forms and StripAccents 9, patterns 16, lower case
and digits 17. The tables are what each part answers for every character.
unicode.jsonl holds, for each component, a hash of what it makes of all of them.
"""

import base64
import hashlib
import json
import sys

from tokenizers import Regex, normalizers, pre_tokenizers

ALL = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co".split()
SCRIPTS = """Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki
Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Chorasmian
Common Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs
Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi Gurmukhi Han Hangul
Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian
Javanese Kaithi Kannada Katakana Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha
Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi
Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar
Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian
Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage
Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra
Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa
Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai
Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square""".split()


def runs(classes):
    """Base64 of runs of characters of one class: gap, length and class as varints."""
    out = bytearray()

    def put(v):
        while v >= 0x80:
            out.append(v & 0x7F | 0x80)
            v >>= 7
        out.append(v)

    at, chars = 0, sorted(classes)
    i = 0
    while i < len(chars):
        j = i
        while j + 1 < len(chars) and chars[j + 1] == chars[j] + 1 and classes[chars[j + 1]] == classes[chars[i]]:
            j += 1
        put(chars[i] - at)
        put(j - i + 1)
        put(classes[chars[i]])
        at = chars[j] + 1
        i = j + 1
    text = base64.b64encode(bytes(out)).decode()
    return "\n".join(text[k:k + 120] for k in range(0, len(text), 120))


def matching(pattern):
    """The characters that a pattern matches."""
    text = "".join(map(chr, ALL))
    rest = set()
    for _, (start, end) in pre_tokenizers.Split(Regex(pattern), "removed").pre_tokenize_str(text):
        rest.update(range(start, end))
    return {ALL[i] for i in range(len(ALL)) if i not in rest}


def chosen(test):
    return {c: 0 for c in ALL if test(chr(c))}


def unigram_scripts():
    """The classes of the UnicodeScripts pre-tokenizer: two characters are of one if it does not cut between them."""
    split = pre_tokenizers.UnicodeScripts()
    together = lambda a, b: len(split.pre_tokenize_str(a + b)) == 1
    classes, leaders, last = {}, ["a", "я"], 0
    for c in ALL:
        s = chr(c)
        if together("a", s) and together("я", s) and together(s, "a") and together(s, "я"):
            continue  # of no script
        if not together(leaders[last], s):
            for last, leader in enumerate(leaders):
                if together(leader, s):
                    break
            else:
                last = len(leaders)
                leaders.append(s)
        classes[c] = last
    return classes


def tables():
    category = {}
    for i, name in enumerate(CATEGORIES):
        category.update((c, i) for c in matching(rf"\p{{{name}}}"))
    yield "categories", "the categories of patterns, numbered as in categoryNames", category
    script, names = {}, []
    for name in SCRIPTS:
        names.append(name)
        script.update((c, len(names) - 1) for c in matching(rf"\p{{{name}}}"))
    yield "scripts", "the scripts of patterns, numbered as in scriptNames", script
    yield "alpha", r"\p{Alpha} of patterns", dict.fromkeys(matching(r"\p{Alpha}"), 0)
    yield "word", r"\w of patterns", dict.fromkeys(matching(r"\w"), 0)
    yield "lower", "[[:lower:]] of patterns", dict.fromkeys(matching(r"[[:lower:]]"), 0)
    yield "upper", "[[:upper:]] of patterns", dict.fromkeys(matching(r"[[:upper:]]"), 0)
    whitespace, digits, punctuation = pre_tokenizers.Whitespace(), pre_tokenizers.Digits(True), pre_tokenizers.Punctuation("removed")
    yield "simpleWord", r"\w of the Whitespace pre-tokenizer and of added tokens", chosen(lambda s: len(whitespace.pre_tokenize_str("a" + s + "a")) == 1)
    yield "numeric", "the digits of the Digits pre-tokenizer", chosen(lambda s: len(digits.pre_tokenize_str("a" + s)) == 2)
    yield "punctuation", "what BERT's pre-tokenizer and Punctuation cut at", chosen(lambda s: not punctuation.pre_tokenize_str(s))
    clean = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    yield "control", "what BERT's cleaning drops", chosen(lambda s: clean.normalize_str(s) == "")
    accents = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
    nfd = normalizers.NFD()
    yield "accents", "the marks that BERT strips", chosen(lambda s: accents.normalize_str(s) == "" and nfd.normalize_str(s) == s)
    marks = normalizers.StripAccents()
    yield "marks", "the marks of StripAccents", chosen(lambda s: marks.normalize_str(s) == "")
    nfkd = normalizers.NFKD()
    moves = lambda s: nfd.normalize_str(s) != s
    yield "formed", "the characters that normal forms decompose or sort", chosen(lambda s: nfkd.normalize_str(s) != s or moves(s + "\u0334") or moves("\u0301" + s))
    yield "scriptClasses", "the classes of the UnicodeScripts pre-tokenizer", unigram_scripts()


def hashes():
    bert = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    for change in ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase"):
        options = {**bert, change: True}
        yield {"type": "BertNormalizer", **options}, normalizers.BertNormalizer(**options).normalize_str
    for name in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt"):
        yield {"type": name}, getattr(normalizers, name)().normalize_str
    yield {"type": "Strip", "strip_left": True, "strip_right": True}, normalizers.Strip().normalize_str
    pieces = lambda p: lambda s: "|".join(t for t, _ in p.pre_tokenize_str(s))
    for name in ("BertPreTokenizer", "Whitespace", "WhitespaceSplit", "UnicodeScripts"):
        yield {"type": name}, pieces(getattr(pre_tokenizers, name)())
    yield {"type": "Digits", "individual_digits": True}, pieces(pre_tokenizers.Digits(True))
    yield {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}, pieces(pre_tokenizers.ByteLevel(False))
    for pattern in (r"\w", r"\s", r"\d", r"\h", r"\p{L}|\p{M}|\p{Sc}", r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"\p{Han}|\p{Latin}|\p{Greek}", r"\p{P}", r"[[:punct:]]", r"(?i)[a-z]", r"[[:alnum:]]", r"\p{N}|\p{Z}|\p{C}"[:-6], "."):
        yield ({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False},
               pieces(pre_tokenizers.Split(Regex(pattern), "isolated")))


def hashed():
    """The characters that are hashed: the lower planes without what is Chinese or Korean by the thousand."""
    return [c for c in range(0x20000) if not (0x3500 <= c < 0x9F00 or 0xAD00 <= c < 0xD700 or 0xD800 <= c < 0xF900 or 0x17100 <= c < 0x18700)]


folder = sys.argv[1]
with open(folder + "/tables_generated.go", "w") as out:
    out.write("// Code generated by internal/reference/unicode_tables.py; DO NOT EDIT.\n\npackage tokenizer\n")
    for name, values in (("categoryNames", CATEGORIES), ("scriptNames", SCRIPTS)):
        out.write(f"\n// {name} are in the order of their numbers.\nvar {name} = []string{{\n")
        for i in range(0, len(values), 6):
            out.write("\t" + ", ".join(f'"{v}"' for v in values[i:i + 6]) + ",\n")
        out.write("}\n")
    for name, what, classes in tables():
        out.write(f"\n// {name}Data is {what}.\nconst {name}Data = `\n{runs(classes)}`\n")
with open(folder + "/testdata/unicode.jsonl", "w") as out:
    for component, run in hashes():
        h = hashlib.sha256()
        for c in hashed():
            h.update(run("a" + chr(c) + "\u0301").encode() + b"\n")
        out.write(json.dumps({"component": component, "sha256": h.hexdigest()}) + "\n")
