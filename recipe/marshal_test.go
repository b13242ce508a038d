package recipe

import (
	"reflect"
	"testing"
)

// A recipe that is written down is read as it was, whatever its texts are.
func TestMarshal(t *testing.T) {
	for _, odd := range []string{"no", "null", "~", "1e3", "0x10", "1_000", "- a", "a: b", "# a", "a #b", "it's", `"`, `\`, " a ", "a\n b\n", "\t",
		"a\tb", "{a}", "[a", "é", "true", "", "|", ">-", "%", "@a", "*a", "&a", "!a", "?", "\u2028", "a\r\nb", "\x00", "<b>", "2020-01-01", "="} {
		want := &Recipe{path: "r.yaml", Base: "x" + odd, Task: "classification",
			Prompt: &Prompt{Template: "{mask}" + odd, Verbalizer: map[string]any{"a": odd, "b" + odd: []any{odd, "c"}}},
			Deltas: []map[string]any{{"method": odd, "k" + odd: true}}}
		want.Data.Train = &Source{File: "f", Delimiter: odd, Fields: []string{odd, "b"}}
		base, err := Parse("r.yaml", []byte("model_name_or_path: x"))
		if err != nil {
			t.Fatal(err)
		}
		want.Quantization, want.Masking, want.Training, want.MaxLength = base.Quantization, base.Masking, base.Training, base.MaxLength
		text, err := marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse("r.yaml", text)
		if err != nil {
			t.Errorf("%q: %v in\n%s", odd, err, text)
			continue
		}
		got.Data.Labels = nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v %+v %+v\n%s", odd, got.Prompt, got.Deltas, got.Data.Train, text)
		}
	}
}
