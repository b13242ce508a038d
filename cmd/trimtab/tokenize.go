package main

import (
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/spf13/cobra"

	"trimtab/recipe"
	"trimtab/tokenizer"
)

// tokenizing are the settings of the verb tokenize.
type tokenizing struct {
	json, jsonl, bytes, plain, decode, skip bool
}

func (a *app) tokenize() *cobra.Command {
	var o tokenizing
	cmd := &cobra.Command{
		Use:   "tokenize MODEL [FILE...]",
		Short: "Turn text into token ids, and back",
		Long: `Prints ids, tokens and offsets of each line of the files, or of standard input ("-", or no file).

A line a token: its id, the token, and where it begins and ends in the text, in characters; an empty line
after each text. With --json an object a text: {"ids", "tokens", "offsets", "type_ids"}.
MODEL is a folder with a tokenizer, a tokenizer.json, or builtin.`,
		Example: `  echo "A trim tab." | trimtab tokenize ../shared/models/minilm
  echo '{"text": "A trim tab", "pair": "turns the rudder."}' | trimtab tokenize ../shared/models/minilm --jsonl
  echo '{"ids": [101, 1037, 12241, 102]}' | trimtab tokenize ../shared/models/minilm --decode --skip-special-tokens`,
		Args: arguments("MODEL", "FILE..."),
	}
	jsonFlag(cmd, &o.json)
	f := cmd.Flags()
	f.BoolVar(&o.jsonl, "jsonl", false, `read {"text", "pair"} objects, a line each, and print objects`)
	f.BoolVar(&o.bytes, "bytes", false, "offsets in bytes of the text")
	f.BoolVar(&o.plain, "no-special-tokens", false, "leave out the special tokens around the text")
	f.BoolVar(&o.decode, "decode", false, `read {"ids"} objects, a line each, and print text ({"text"} objects with --json)`)
	f.BoolVar(&o.skip, "skip-special-tokens", false, "leave out special tokens, with --decode")
	cmd.MarkFlagsMutuallyExclusive("decode", "jsonl")
	cmd.MarkFlagsMutuallyExclusive("decode", "bytes")
	cmd.MarkFlagsMutuallyExclusive("decode", "no-special-tokens")
	cmd.RunE = does(func(out *printer, args []string) error {
		if o.skip && !o.decode {
			return usage("--skip-special-tokens goes with --decode")
		}
		t, err := openTokenizer(args[0])
		if err != nil {
			return err
		}
		return eachBatch(out.stdin, args[1:], func(batch []line) error {
			if o.decode {
				return o.decodeBatch(out, t, batch)
			}
			return o.encodeBatch(out, t, batch)
		})
	})
	return cmd
}

// openTokenizer opens the tokenizer of a folder, a tokenizer.json, or the built-in one.
func openTokenizer(path string) (*tokenizer.Tokenizer, error) {
	if !strings.HasSuffix(path, ".json") {
		return recipe.OpenTokenizer(path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t, err := tokenizer.Parse(text)
	if err != nil {
		return nil, wrapPath(path, err)
	}
	return t, nil
}

// source is a text, or a pair of texts.
type source struct {
	Text *string `json:"text"`
	Pair *string `json:"pair"`
}

// encoded is what tokenize prints of a text.
type encoded struct {
	IDs     []int32  `json:"ids"`
	Tokens  []string `json:"tokens"`
	Offsets [][2]int `json:"offsets"`
	TypeIDs []int32  `json:"type_ids"`
}

func (o *tokenizing) encodeBatch(out *printer, t *tokenizer.Tokenizer, batch []line) error {
	results, errs := make([]encoded, len(batch)), make([]error, len(batch))
	onAllCores(len(batch), func(i int) { results[i], errs[i] = o.encode(t, batch[i]) })
	for i, e := range results {
		if errs[i] != nil {
			return errs[i]
		}
		if o.json || o.jsonl {
			if err := out.json(e); err != nil {
				return err
			}
			continue
		}
		for j, id := range e.IDs {
			out.printf("%d\t%s\t%d\t%d\n", id, e.Tokens[j], e.Offsets[j][0], e.Offsets[j][1])
		}
		out.printf("\n")
	}
	return out.Flush()
}

func (o *tokenizing) encode(t *tokenizer.Tokenizer, l line) (encoded, error) {
	texts := []string{l.text}
	if o.jsonl {
		var s source
		if err := l.decode(&s); err != nil {
			return encoded{}, err
		}
		if s.Text == nil {
			return encoded{}, l.wrap(errMissing("text"))
		}
		texts[0] = *s.Text
		if s.Pair != nil {
			texts = append(texts, *s.Pair)
		}
	}
	e, err := encodeTexts(t, texts, tokenizer.Options{NoSpecialTokens: o.plain})
	if err != nil {
		return encoded{}, l.wrap(err)
	}
	spans := e.Offsets
	if !o.bytes {
		spans = e.CharOffsets(texts...)
	}
	r := encoded{IDs: e.IDs, Tokens: e.Tokens, Offsets: make([][2]int, len(spans)), TypeIDs: e.TypeIDs}
	for i, s := range spans {
		r.Offsets[i] = [2]int{s.Start, s.End}
	}
	if len(e.IDs) == 0 { // lists, never null
		r = encoded{[]int32{}, []string{}, [][2]int{}, []int32{}}
	}
	return r, nil
}

func encodeTexts(t *tokenizer.Tokenizer, texts []string, o tokenizer.Options) (*tokenizer.Encoding, error) {
	if len(texts) == 2 {
		return t.EncodePair(texts[0], texts[1], o)
	}
	return t.Encode(texts[0], o)
}

func (o *tokenizing) decodeBatch(out *printer, t *tokenizer.Tokenizer, batch []line) error {
	for _, l := range batch {
		var from struct {
			IDs *[]int32 `json:"ids"`
		}
		if err := l.decode(&from); err != nil {
			return err
		}
		if from.IDs == nil {
			return l.wrap(errMissing("ids"))
		}
		text := t.Decode(*from.IDs, o.skip)
		if !o.json {
			out.printf("%s\n", text)
			continue
		}
		if err := out.json(map[string]string{"text": text}); err != nil {
			return err
		}
	}
	return out.Flush()
}

// onAllCores calls f for each number below n.
func onAllCores(n int, f func(i int)) {
	var wait sync.WaitGroup
	var next atomic.Int64
	for range min(n, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wait.Wait()
}
