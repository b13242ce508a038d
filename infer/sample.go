package infer

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"trimtab/internal/chance"
)

// Sampling says how a token is chosen from the scores of all. The steps and their
// order are those of transformers: temperature, top-k, top-p.
type Sampling struct {
	// Temperature divides the scores; 0 takes the likeliest token, and the first of equals.
	Temperature float64
	// TopK leaves the so many likeliest tokens, and what equals the last of them; 0 leaves all.
	TopK int
	// TopP leaves the fewest likeliest tokens whose probabilities sum to TopP (Holtzman et
	// al. 2020); 0 leaves all.
	TopP float64
	// Seed addresses the chance.
	Seed uint64
}

func (s Sampling) check() error {
	switch {
	case !(s.Temperature >= 0) || math.IsInf(s.Temperature, 1):
		return fmt.Errorf("temperature %v, expected 0 or above", s.Temperature)
	case s.TopK < 0:
		return fmt.Errorf("top_k %d, expected 0 or above", s.TopK)
	case !(s.TopP >= 0 && s.TopP <= 1):
		return fmt.Errorf("top_p %v, expected from 0 to 1", s.TopP)
	}
	return nil
}

// candidate is a token that may be chosen, with its probability.
type candidate struct {
	id          int32
	score       float32
	probability float64
}

// choose is the token at a place of a prompt's continuation.
func (s Sampling) choose(scores []float32, prompt, place int) (int32, error) {
	best := 0
	for i, v := range scores {
		if math.IsNaN(float64(v)) {
			return 0, errors.New("the model's scores are not numbers")
		}
		if v > scores[best] {
			best = i
		}
	}
	if s.Temperature == 0 {
		return int32(best), nil
	}
	draw := float64(chance.Float(chance.Key{Seed: s.Seed, Step: uint64(place), Site: chance.SiteOf("infer.sample")}, uint64(prompt)))
	left := s.candidates(scores)
	total := 0.0
	for _, c := range left {
		total += c.probability
	}
	for _, c := range left {
		if draw -= c.probability / total; draw < 0 {
			return c.id, nil
		}
	}
	return left[len(left)-1].id, nil
}

// candidates are the tokens that may be chosen, likeliest first; of equals the last, as
// transformers' ascending order has them.
func (s Sampling) candidates(scores []float32) []candidate {
	least := float32(math.Inf(-1))
	if s.TopK > 0 && s.TopK < len(scores) {
		least = kth(scores, s.TopK)
	}
	var left []candidate
	highest := slices.Max(scores)
	for id, v := range scores {
		if v >= least {
			p := 1.0
			if v != highest { // also where both are infinite
				p = math.Exp((float64(v) - float64(highest)) / s.Temperature)
			}
			left = append(left, candidate{int32(id), v, p})
		}
	}
	slices.SortFunc(left, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(b.id, a.id))
	})
	if s.TopP == 0 || s.TopP == 1 {
		return left
	}
	total, before := 0.0, 0.0
	for _, c := range left {
		total += c.probability
	}
	for i, c := range left {
		if before >= s.TopP*total {
			return left[:i]
		}
		before += c.probability
	}
	return left
}

// kth is the k-th largest of scores: a heap of the k largest, the least on top.
func kth(scores []float32, k int) float32 {
	heap := slices.Clone(scores[:k])
	down := func(i int) {
		for {
			child := 2*i + 1
			if child >= k {
				return
			}
			if child+1 < k && heap[child+1] < heap[child] {
				child++
			}
			if heap[i] <= heap[child] {
				return
			}
			heap[i], heap[child] = heap[child], heap[i]
			i = child
		}
	}
	for i := k/2 - 1; i >= 0; i-- {
		down(i)
	}
	for _, v := range scores[k:] {
		if v > heap[0] {
			heap[0] = v
			down(0)
		}
	}
	return heap[0]
}
