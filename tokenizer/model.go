package tokenizer

import "fmt"

// parseModel reads the model of a tokenizer.json.
func parseModel(n node) (model, error) {
	name, f, err := component("model", n)
	if err != nil {
		return nil, err
	}
	switch name {
	case "WordPiece":
		return parseWordPiece(f)
	case "WordLevel":
		return parseWordLevel(f)
	case "BPE":
		return parseBPE(f)
	case "Unigram":
		return parseUnigram(f)
	}
	return nil, unknownComponent("model", name)
}

// unknownMissing is the error where a model meets a word that it cannot spell.
func unknownMissing(token string) error {
	return fmt.Errorf("tokenizer: model: a word cannot be spelled and the unknown token %q is not in the vocabulary", token)
}
