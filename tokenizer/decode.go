package tokenizer

import (
	"strings"
)

// decoder turns the tokens of a sequence into the parts of a text.
type decoder interface {
	decode(tokens []string) []string
}

// Decode turns ids back into text. Ids that the tokenizer does not have are
// left out, and with skipSpecial those of special tokens too.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) string {
	tokens := make([]string, 0, len(ids))
	for _, id := range ids {
		token, ok := t.added.decoded[id]
		if !ok {
			if token, ok = t.Token(id); !ok {
				continue
			}
		}
		if skipSpecial && t.added.isSpecial(token) {
			continue
		}
		tokens = append(tokens, token)
	}
	if t.decoders == nil {
		return strings.Join(tokens, " ")
	}
	for _, d := range t.decoders {
		tokens = d.decode(tokens)
	}
	return strings.Join(tokens, "")
}

// isSpecial says whether a token reads like one that is special.
func (a *addedTokens) isSpecial(token string) bool {
	i, ok := a.byText[token]
	return ok && a.list[i].special
}

// parseDecoder reads the decoder at the path where, as the list of decoders
// that run one after another.
func parseDecoder(where string, n node) ([]decoder, error) {
	name, f, err := component(where, n)
	if err != nil {
		return nil, err
	}
	var out decoder
	switch name {
	case "Sequence":
		steps := []decoder{}
		f.where = where
		f.list("decoders", func(where string, n node) error {
			more, err := parseDecoder(where, n)
			steps = append(steps, more...)
			return err
		})
		return steps, f.done()
	case "WordPiece":
		out = wordPieceDecoder{prefix: f.string("prefix"), cleanup: f.bool("cleanup")}
	case "ByteLevel":
		out = parseByteLevel(f)
	case "Metaspace":
		out = parseMetaspace(f)
	case "BPEDecoder":
		out = bpeDecoder(f.string("suffix"))
	case "CTC":
		out = ctcDecoder{f.string("pad_token"), f.string("word_delimiter_token"), f.bool("cleanup")}
	case "Replace":
		out = parseReplace(f)
	case "ByteFallback":
		out = byteFallbackDecoder{}
	case "Fuse":
		out = fuseDecoder{}
	case "Strip":
		out = stripDecoder{f.rune("content"), f.integer("start"), f.integer("stop")}
	default:
		return nil, unknownComponent(where, name)
	}
	return []decoder{out}, f.done()
}

// wordPieceDecoder puts a blank before every token that does not go on a word.
type wordPieceDecoder struct {
	prefix  string
	cleanup bool
}

func (d wordPieceDecoder) decode(tokens []string) []string {
	for i, t := range tokens {
		if i > 0 {
			if rest, ok := strings.CutPrefix(t, d.prefix); ok {
				t = rest
			} else {
				t = " " + t
			}
		}
		if d.cleanup {
			t = cleanUp(t)
		}
		tokens[i] = t
	}
	return tokens
}

// cleanUps are the blanks that tokenization puts where English has none, in the
// order in which they are taken out; one rule overlaps with another.
var cleanUps = [][2]string{
	{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"},
	{" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
}

func cleanUp(s string) string {
	if !strings.Contains(s, " ") {
		return s
	}
	for _, c := range cleanUps {
		s = strings.ReplaceAll(s, c[0], c[1])
	}
	return s
}
