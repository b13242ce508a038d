package infer_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trimtab/checkpoint"
	"trimtab/compute/cpu"
	"trimtab/infer"
	"trimtab/internal/near"
	"trimtab/tokenizer"
)

func TestStories(t *testing.T) {
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(near.Shared(t, "models", "stories260K", "expected-greedy-200.txt"))
	if err != nil {
		t.Fatal(err)
	}
	base := open(t, dev, "models", "stories260K-hf")
	tok, err := tokenizer.Open(base.Dir)
	if err != nil {
		t.Fatal(err)
	}
	o, err := infer.Defaults(base)
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	text := infer.NewText(tok, nil)
	o.MaxNewTokens, o.Token = 200, func(_ int, id int32) { shown.WriteString(text.Add(id)) }
	prompt := []int32{tok.Special().BOS}
	out := generate(t, base, dev, [][]int32{prompt}, o)[0]
	if len(out.Tokens) != 200 || out.Ended {
		t.Errorf("%d tokens, ended %v", len(out.Tokens), out.Ended)
	}
	shown.WriteString(text.Rest())
	for _, got := range []string{tok.Decode(out.Tokens, true), shown.String()} {
		if strings.TrimSpace(got) != strings.TrimSpace(string(want)) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

func TestEmbeddingsAgainstSentenceTransformers(t *testing.T) {
	for tier, dev := range devices(t) {
		t.Run(tier, func(t *testing.T) {
			base := open(t, dev, "models", "minilm")
			data, err := os.ReadFile(filepath.Join(base.Dir, "expect.json"))
			if err != nil {
				t.Fatal(err)
			}
			var texts []string
			if err := json.Unmarshal(data, &texts); err != nil {
				t.Fatal(err)
			}
			f, err := checkpoint.Open(filepath.Join(base.Dir, "expect.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			tensor, _ := f.Tensor("embeddings")
			want, err := tensor.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			tok, err := tokenizer.Open(base.Dir)
			if err != nil {
				t.Fatal(err)
			}
			e, err := infer.NewEmbedder(base, tok, dev)
			if err != nil {
				t.Fatal(err)
			}
			if tier == "generic" { // slow: leave the long ones to the others
				texts = texts[:5]
			}
			got, err := e.Embed(texts)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(texts) || tensor.Shape[0] != 31 || tensor.Shape[1] != e.Dim() {
				t.Fatalf("%d vectors of %d, want %v", len(got), e.Dim(), tensor.Shape)
			}
			for i, v := range got {
				near.Check(t, texts[i], v, want[i*e.Dim():(i+1)*e.Dim()], near.Embedding)
			}
		})
	}
}
