package data

import "testing"

func TestUnpaired(t *testing.T) {
	for text, want := range map[string]string{
		``: "", `"a"`: "", `"\ud83d\ude00"`: "", `"\uD83D\uDE00\\ud800"`: "", `"\\\ud800"`: `\ud800`, `"\u00e9\udc00"`: `\udc00`,
		`"\ud83d\u0041"`: `\ud83d`, `"\ud83d\ud83d\ude00"`: `\ud83d`, `"\uDE00\uD83D"`: `\uDE00`, `"\n\ud83d"`: `\ud83d`, `\`: "", `\u12`: "",
	} {
		if got := Unpaired(text); got != want {
			t.Errorf("%s: %q, expected %q", text, got, want)
		}
	}
}
