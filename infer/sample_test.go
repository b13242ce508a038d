package infer

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trimtab/internal/near"
)

// TestCandidatesAgainstTransformers compares what is left to draw from; internal/reference/sampling.py made the rows.
func TestCandidatesAgainstTransformers(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "sampling.json"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Scores        []float32
		Temperature   float64
		TopK          int     `json:"top_k"`
		TopP          float64 `json:"top_p"`
		Probabilities []float64
	}
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 75 {
		t.Fatalf("%d rows", len(rows))
	}
	for i, r := range rows {
		s := Sampling{Temperature: r.Temperature, TopK: r.TopK, TopP: r.TopP}
		got, total := make([]float64, len(r.Scores)), 0.0
		left := s.candidates(r.Scores)
		for _, c := range left {
			total += c.probability
		}
		for _, c := range left {
			got[c.id] = c.probability / total
		}
		near.Check64(t, fmt.Sprint("row ", i), got, r.Probabilities, near.Float64)
	}
}

// TestDrawsFollowProbabilities counts what is drawn for many prompts: within five deviations of what is due.
func TestDrawsFollowProbabilities(t *testing.T) {
	scores := []float32{0, 2, float32(math.Inf(-1)), 1, 2}
	s := Sampling{Temperature: 1, Seed: 3}
	const n = 20000
	counts := make([]float64, len(scores))
	for prompt := range n {
		id, err := s.choose(scores, prompt, 5)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := s.choose(scores, prompt, 5)
		if again != id {
			t.Fatalf("prompt %d draws %d, then %d", prompt, id, again)
		}
		counts[id]++
	}
	total := 1 + 2*math.Exp(2) + math.Exp(1)
	for id, score := range scores {
		p := math.Exp(float64(score)) / total
		deviation := math.Sqrt(n * p * (1 - p))
		if away := (counts[id] - n*p); away > 5*deviation || away < -5*deviation {
			t.Errorf("token %d: drawn %v times, expected about %v", id, counts[id], n*p)
		}
	}
}

func TestSamplingRefuses(t *testing.T) {
	for want, s := range map[string]Sampling{
		"temperature": {Temperature: -1}, "top_k": {TopK: -1}, "top_p": {TopP: 1.5}, "temperature NaN": {Temperature: math.NaN()},
	} {
		if err := s.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, expected %q", s, err, want)
		}
	}
	nan := float32(math.NaN())
	if _, err := (Sampling{}).choose([]float32{1, nan}, 0, 0); err == nil || !strings.Contains(err.Error(), "not numbers") {
		t.Errorf("error %v", err)
	}
}
