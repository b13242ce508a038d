package prompt

import (
	"fmt"
	"math"
	"slices"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/internal/chance"
	"trimtab/nn"
)

// SoftTokens are a template's trained vectors, in the input slot of a base. It
// is an [nn.InputDelta].
type SoftTokens struct {
	// Table says what each vector is, as [BoundTemplate.Soft] has it.
	Table []SoftToken
	// Parameter holds the vectors, [len(Table), hidden].
	Parameter *autograd.Parameter

	words *nn.Embedding
}

// softName is the vectors' name in files and reports.
const softName = "template.soft_tokens"

// NewSoftTokens makes the vectors of a table for a base with the given word
// embedding. A vector that starts from a word is a copy of its embedding;
// others are normal noise of the deviation that the word embedding has, drawn
// by seed. The vectors are not attached yet.
func NewSoftTokens(dev compute.Device, table []SoftToken, words *nn.Embedding, seed uint64) (*SoftTokens, error) {
	embedding, err := words.Weight.Float32s()
	if err != nil {
		return nil, fmt.Errorf("soft tokens: %w", err)
	}
	defer words.Weight.Release()
	s := &SoftTokens{Table: slices.Clone(table), Parameter: autograd.NewParameter(dev, softName, len(table), words.Dim), words: words}
	noise := make([]float32, len(s.Parameter.Data))
	chance.Normals(chance.Key{Seed: seed, Site: chance.SiteOf(softName)}, noise)
	std := float32(0)
	for i, token := range table {
		vector := s.Parameter.Data[i*words.Dim : (i+1)*words.Dim]
		switch start := int(token.Start); {
		case start >= words.Count:
			return nil, fmt.Errorf("soft token %s starts from %s, id %d, and the base has %d embeddings: %w", token.Name, quote(token.Word), start, words.Count, ErrBind)
		case start >= 0:
			copy(vector, embedding[start*words.Dim:])
		default:
			if std == 0 {
				std = deviation(embedding)
			}
			for j := range vector {
				vector[j] = std * noise[i*words.Dim+j]
			}
		}
	}
	return s, nil
}

// deviation is the root of the mean square.
func deviation(x []float32) float32 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return float32(math.Sqrt(sum / float64(max(1, len(x)))))
}

// Attach puts the vectors into the base's input slot.
func (s *SoftTokens) Attach() { s.words.AttachInput(s) }

// Detach takes them out, and reports whether they were there.
func (s *SoftTokens) Detach() bool { return s.words.DetachInput(s) }

// Arrange makes the batch's soft rows point at the vectors.
func (s *SoftTokens) Arrange(b *nn.Batch, first int32) {
	for _, soft := range b.Soft {
		b.IDs[soft.Row] = first - soft.Index
	}
}

// Vectors returns the vectors, as a value that trains.
func (s *SoftTokens) Vectors(p *nn.Pass, _ *nn.Embedding) *autograd.Value {
	return p.Parameter(s.Parameter)
}

// Count returns how many vectors there are.
func (s *SoftTokens) Count() int { return len(s.Table) }
