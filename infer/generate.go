package infer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/model"
	"trimtab/nn"
)

// ErrPrompt is wrapped by errors about prompts that a model cannot go on from.
var ErrPrompt = errors.New("prompt does not fit")

// Options say how text is generated.
type Options struct {
	// MaxNewTokens ends each sequence; 0 lets the model's positions end it.
	MaxNewTokens int
	// End are the tokens that end a sequence; see [Defaults].
	End []int32
	// Sampling says how a token is chosen; the zero value takes the likeliest.
	Sampling Sampling
	// Token is called with each token as it is chosen, an ending one among them; nil for not at all.
	Token func(prompt int, id int32)
}

// Continuation is what was generated after one prompt.
type Continuation struct {
	// Tokens are the new tokens, an ending one last.
	Tokens []int32
	// Ended says that a token of [Options.End] ended it, and not its length.
	Ended bool
}

// Generate goes on from prompts, all in one batch. The context stops it between two tokens.
func Generate(ctx context.Context, base *model.Base, dev compute.Device, prompts [][]int32, o Options) ([]Continuation, error) {
	lm, ok := base.Model.(model.LanguageModel)
	if !ok || base.Task != model.CausalLM {
		return nil, fmt.Errorf("%s: a %s model generates no text, a %s model does", base.Dir, base.Task, model.CausalLM)
	}
	if err := o.Sampling.check(); err != nil {
		return nil, err
	}
	g := &generation{model: lm, tape: autograd.New(dev), options: o, out: make([]Continuation, len(prompts))}
	longest := 0
	segments := make([]nn.Segment, len(prompts))
	for i, ids := range prompts {
		if err := g.fits(ids); err != nil {
			return nil, fmt.Errorf("prompt %d: %w", i, err)
		}
		longest = max(longest, len(ids))
		segments[i] = nn.Segment{IDs: ids, Wanted: []int32{int32(len(ids) - 1)}}
		g.live = append(g.live, i)
	}
	g.cache = nn.NewCache(dev, longest+min(max(o.MaxNewTokens, 64), 256))
	for len(segments) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		logits, err := g.pass(segments)
		if err != nil {
			return nil, err
		}
		if segments, err = g.choose(logits); err != nil {
			return nil, err
		}
	}
	return g.out, nil
}

// generation is one call's state.
type generation struct {
	model   model.LanguageModel
	tape    *autograd.Tape
	cache   *nn.Cache
	options Options
	live    []int   // the prompts of the batch
	next    []int32 // and the position of each one's next token; nil before the first pass
	out     []Continuation

	// Memory that every token uses again.
	batch    nn.Batch
	segments []nn.Segment
	ids      []int32
	keep     []int
}

func (g *generation) fits(ids []int32) error {
	info := g.model.Info()
	if len(ids) == 0 || len(ids) > info.Positions {
		return fmt.Errorf("%w: %d tokens, expected from 1 to %d", ErrPrompt, len(ids), info.Positions)
	}
	for i, id := range ids {
		if id < 0 || int(id) >= info.Vocabulary {
			return fmt.Errorf("%w: token %d is %d, expected from 0 to %d", ErrPrompt, i, id, info.Vocabulary-1)
		}
	}
	return nil
}

// pass runs the new tokens of each live sequence, and returns the scores of its next.
func (g *generation) pass(segments []nn.Segment) (compute.Mat, error) {
	b := &g.batch
	b.Reset()
	for _, s := range segments {
		if err := b.Add(s); err != nil {
			return compute.Mat{}, err
		}
	}
	if g.next != nil {
		b.Continues = true
		copy(b.Positions, g.next) // of one token each
	}
	g.tape.Reset()
	p := nn.NewPass(g.tape, b)
	p.Cache = g.cache
	logits := model.Logits(g.model, p, g.model.Hidden(p), nil)
	if err := g.tape.Forward(logits); err != nil {
		return compute.Mat{}, err
	}
	g.next = g.next[:0]
	for _, s := range p.Batch.Segments { // as deltas settled it
		g.next = append(g.next, p.Batch.Positions[s.End()-1]+1)
	}
	return logits.Data(), nil
}

// choose takes a token for each live sequence, and returns the segments of those that go on.
func (g *generation) choose(logits compute.Mat) ([]nn.Segment, error) {
	seen := len(g.live)
	live, next := g.live[:0], g.next[:0] // behind what is read
	g.segments, g.ids, g.keep = g.segments[:0], slices.Grow(g.ids[:0], seen), g.keep[:0]
	for i, prompt := range g.live {
		out := &g.out[prompt]
		id, err := g.options.Sampling.choose(logits.Row(i), prompt, len(out.Tokens))
		if err != nil {
			return nil, fmt.Errorf("prompt %d, token %d: %w", prompt, len(out.Tokens), err)
		}
		out.Tokens = append(out.Tokens, id)
		if g.options.Token != nil {
			g.options.Token(prompt, id)
		}
		for _, end := range g.options.End {
			out.Ended = out.Ended || id == end
		}
		long := len(out.Tokens) == g.options.MaxNewTokens || int(g.next[i]) >= g.model.Info().Positions
		if out.Ended || long {
			continue
		}
		g.keep, live, next = append(g.keep, i), append(live, prompt), append(next, g.next[i])
		g.ids = append(g.ids, id)
		g.segments = append(g.segments, nn.Segment{IDs: g.ids[len(g.ids)-1:]})
	}
	if len(g.keep) < seen {
		g.cache.Keep(g.keep)
	}
	g.live, g.next = live, next
	return g.segments, nil
}
