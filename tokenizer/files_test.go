package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trimtab/internal/near"
)

// oldFolder writes the vocabulary of a golden's tokenizer.json as the files
// that came before it, with a tokenizer_config.json.
func oldFolder(t *testing.T, golden, config string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(golden, tokenizerFile))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Model struct {
			Type   string
			Vocab  map[string]int
			Merges [][2]string
		}
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	write := map[string][]byte{configFile: []byte(config)}
	if doc.Model.Type == "WordPiece" {
		list := make([]string, len(doc.Model.Vocab))
		for token, id := range doc.Model.Vocab {
			list[id] = token
		}
		write[wordPieceFile] = []byte(strings.Join(list, "\n") + "\n")
	} else {
		merges := "#version: 0.2\n"
		for _, m := range doc.Model.Merges {
			merges += m[0] + " " + m[1] + "\n"
		}
		write[mergesFile] = []byte(merges)
		if write[bpeFile], err = json.Marshal(doc.Model.Vocab); err != nil {
			t.Fatal(err)
		}
	}
	return folder(t, write)
}

// folder is a new folder with some files.
func folder(t *testing.T, contents map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range contents {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestOldVocabularies holds the files before tokenizer.json to the goldens of
// the tokenizer.json that they say the same as.
func TestOldVocabularies(t *testing.T) {
	for name, config := range map[string]string{
		"wordpiece-bert-uncased": `{"tokenizer_class": "BertTokenizer"}`,
		"wordpiece-bert-cased":   `{"do_lower_case": false, "cls_token": {"content": "[CLS]", "lstrip": false}}`,
		"bpe-gpt2":               `{}`,
		"bpe-roberta":            `{"tokenizer_class": "RobertaTokenizerFast"}`, // the golden trims offsets otherwise
	} {
		t.Run(name, func(t *testing.T) {
			shared := near.Shared(t, "goldens", "tokenizers", name)
			k, err := Open(oldFolder(t, shared, config))
			if err != nil {
				t.Fatal(err)
			}
			readLines(t, filepath.Join(shared, "expect.jsonl"), func(line []byte) {
				var g golden
				if err := json.Unmarshal(line, &g); err != nil {
					t.Fatal(err)
				}
				if name == "bpe-roberta" {
					e, err := k.encode(g.texts(), Options{})
					if err != nil || !slices.Equal(e.IDs, g.IDs) {
						t.Errorf("%q: ids %v, expected %v (%v)", g.texts(), e.IDs, g.IDs, err)
					}
					return
				}
				g.check(t, k)
			})
		})
	}
}

// TestOldMerges reads a tokenizer.json whose merges are lines, as older versions
// of the library wrote them.
func TestOldMerges(t *testing.T) {
	shared := near.Shared(t, "goldens", "tokenizers", "bpe-gpt2")
	data, err := os.ReadFile(filepath.Join(shared, tokenizerFile))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	m := doc["model"].(map[string]any)
	merges := []any{"#version: 0.2"}
	for _, pair := range m["merges"].([]any) {
		merges = append(merges, pair.([]any)[0].(string)+" "+pair.([]any)[1].(string))
	}
	m["merges"] = merges
	if data, err = json.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	k, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	readLines(t, filepath.Join(shared, "expect.jsonl"), func(line []byte) {
		var g golden
		if err := json.Unmarshal(line, &g); err != nil {
			t.Fatal(err)
		}
		g.check(t, k)
	})
}

// TestPublishedVocabularies reads GPT-2's and BERT's own files and compares with
// the ids that llama.cpp keeps for its tests of the same vocabularies.
func TestPublishedVocabularies(t *testing.T) {
	read := func(parts ...string) []byte {
		data, err := os.ReadFile(near.Shared(t, append([]string{"tokenizers"}, parts...)...))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for name, c := range map[string]struct {
		files map[string][]byte
		size  int
	}{
		"gpt-2":    {map[string][]byte{bpeFile: read("gpt2", "encoder.json"), mergesFile: read("gpt2", "vocab.bpe")}, 50257},
		"bert-bge": {map[string][]byte{wordPieceFile: read("bert_base_uncased_vocab.txt")}, 30522},
	} {
		k, err := Open(folder(t, c.files))
		if err != nil {
			t.Fatal(err)
		}
		if k.Size() != c.size {
			t.Errorf("%s: %d tokens, expected %d", name, k.Size(), c.size)
		}
		texts := strings.Split(string(read("llama.cpp", "ggml-vocab-"+name+".gguf.inp")), "\n__ggml_vocab_test__\n")
		want := strings.Split(string(read("llama.cpp", "ggml-vocab-"+name+".gguf.out")), "\n")
		if len(texts) < 40 {
			t.Fatalf("%s: only %d texts", name, len(texts))
		}
		for i, text := range texts {
			e, err := k.Encode(text, Options{NoSpecialTokens: true})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Trim(fmt.Sprint(e.IDs), "[]"); got != strings.TrimSpace(want[i]) {
				t.Errorf("%s: %q:\n got %s\nwant%s", name, text, got, want[i])
			}
		}
	}
}

func TestGPT2Roles(t *testing.T) {
	k, err := Open(folder(t, map[string][]byte{bpeFile: []byte(`{"a": 0, "<|endoftext|>": 1}`), mergesFile: nil}))
	if err != nil {
		t.Fatal(err)
	}
	if s := k.Special(); s != (Special{CLS: -1, SEP: -1, Mask: -1, Pad: -1, Unknown: -1, BOS: 1, EOS: 1}) {
		t.Errorf("special tokens %+v", s)
	}
}

// TestVocabTextAgrees compares a published vocab.txt with the tokenizer.json
// beside it.
func TestVocabTextAgrees(t *testing.T) {
	dir := near.Shared(t, "models", "minilm")
	k, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile(filepath.Join(dir, wordPieceFile))
	if err != nil {
		t.Fatal(err)
	}
	old, err := Open(folder(t, map[string][]byte{wordPieceFile: list}))
	if err != nil {
		t.Fatal(err)
	}
	if k.Special() != old.Special() || k.Special() != (Special{CLS: 101, SEP: 102, Mask: 103, Pad: 0, Unknown: 100, BOS: -1, EOS: -1}) {
		t.Errorf("special tokens %+v and %+v", k.Special(), old.Special())
	}
	whole := Options{NoTruncation: true, NoPadding: true}
	for _, text := range []string{"", "A [MASK] of unbelievable naïveté 漢字!", strings.Repeat("long ", 200)} {
		a, err := k.EncodePair(text, "Second text.", whole)
		if err != nil {
			t.Fatal(err)
		}
		b, err := old.EncodePair(text, "Second text.", whole)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.IDs, b.IDs) || !slices.Equal(a.Offsets, b.Offsets) || !slices.Equal(a.TypeIDs, b.TypeIDs) {
			t.Errorf("%q: %v and %v", text, a.IDs, b.IDs)
		}
	}
	cut, err := k.Encode(strings.Repeat("long ", 200), Options{MaxLength: 40, NoPadding: true})
	if err != nil || len(cut.IDs) != 40 || cut.IDs[39] != 102 {
		t.Errorf("cut to 40: %v, %v", cut, err)
	}
}

func TestSave(t *testing.T) {
	k, err := Open(oldFolder(t, near.Shared(t, "goldens", "tokenizers", "wordpiece-bert-uncased"), `{"mask_token": "[MASK]"}`))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "new", "folder")
	if err := k.Save(dir); err != nil {
		t.Fatal(err)
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(dir, tokenizerFile))
	fromList, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	text := "Some ünusual text, [MASK] and all."
	want, err := k.Encode(text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []*Tokenizer{again, fromList} {
		got, err := o.Encode(text, Options{})
		if err != nil || !slices.Equal(got.IDs, want.IDs) || o.Special() != k.Special() {
			t.Errorf("ids %v, expected %v (%v)", got.IDs, want.IDs, err)
		}
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 2 {
		t.Errorf("files %v, %v", names, err)
	}
}

func TestSaveIntoFile(t *testing.T) {
	k, err := Parse([]byte(tiny))
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t, map[string][]byte{"taken": nil})
	if err := k.Save(filepath.Join(dir, "taken")); err == nil {
		t.Error("expected an error")
	}
}

// TestBadFolders looks at what each error says.
func TestBadFolders(t *testing.T) {
	vocabulary := []byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n")
	for _, c := range []struct {
		files map[string][]byte
		says  string
	}{
		{nil, "none of tokenizer.json, vocab.txt and vocab.json"},
		{map[string][]byte{wordPieceFile: []byte("[UNK]\na\n")}, `special token "[CLS]" is not in the vocabulary`},
		{map[string][]byte{wordPieceFile: append([]byte("a\n"), vocabulary...)}, `lines 1 and 7 hold the same token "a"`},
		{map[string][]byte{wordPieceFile: append([]byte("\xff\n"), vocabulary...)}, "vocab.txt: not valid UTF-8 at byte 0"},
		{map[string][]byte{wordPieceFile: vocabulary, configFile: []byte(`{"tokenizer_class": "MPNetTokenizer"}`)}, "MPNetTokenizer"},
		{map[string][]byte{wordPieceFile: vocabulary, configFile: []byte(`{"mask_token": "<mask>"}`)}, `tokenizer_config.json: key "mask_token": token "<mask>" is not in the vocabulary`},
		{map[string][]byte{wordPieceFile: vocabulary, configFile: []byte(`[]`)}, "expected an object"},
		{map[string][]byte{wordPieceFile: vocabulary, configFile: []byte(`{"do_basic_tokenize": false}`)}, "do_basic_tokenize"},
		{map[string][]byte{bpeFile: []byte(`{"a": 0}`)}, "merges.txt"},
		{map[string][]byte{bpeFile: []byte(`{"a": 0, "b": 2}`), mergesFile: nil}, "no token has the id 1"},
		{map[string][]byte{bpeFile: []byte(`{"a": 0, "b": 1}`), mergesFile: []byte("a b c\n")}, "merges.txt: line 1"},
		{map[string][]byte{bpeFile: []byte(`{"a": 0, "b": 1}`), mergesFile: []byte("a b\n")}, `token "ab" is not in the vocabulary`},
		{map[string][]byte{tokenizerFile: []byte("{")}, "tokenizer.json: json: "},
	} {
		_, err := Open(folder(t, c.files))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("expected %q, found %v", c.says, err)
		}
	}
	if _, err := Open(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
}
