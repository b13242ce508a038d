package recipe

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"trimtab/compute"
	"trimtab/train"
)

// ErrMemory is wrapped by the error of a recipe that fits in no way that is known.
var ErrMemory = errors.New("does not fit")

// Fit is a plan that fits.
type Fit struct {
	*Plan
	// Set are the recipe's keys that must change for it, as --set takes them; none where it fits as it is.
	Set []string
}

const (
	// margin is the share of a limit that a prediction may take: it may be a little too low.
	margin = 0.95
	// enoughTokens is how many tokens a batch should have where that can be: with fewer, products lose speed.
	enoughTokens = 512
)

// Fit plans the recipe so that at most limit bytes are resident. What it changes, it changes in this order, until the run
// fits: activations in bfloat16; smaller batches, of which so many more make a step that the step stays what it was, down to batches of 512
// tokens; gradient checkpointing, with the batches of the recipe and then smaller ones, down to the smallest; moments in 8 bits; the
// precision of frozen weights, to bf16, int8 and nf4, each with all of the former in their order. What turns out not to be needed for the rest is
// left as it was. The error wraps [ErrMemory] if nothing fits.
func (r *Recipe) Fit(dev compute.Device, limit int64) (*Fit, error) {
	p, err := r.planner(dev)
	if err != nil {
		return nil, err
	}
	fit, err := p.fitted(int64(margin * float64(limit)))
	return fit, firstOf(err, p.close())
}

// fitted is the plan of the first settings that take at most limit bytes.
func (p *planner) fitted(limit int64) (*Fit, error) {
	own := p.settings()
	s, err := p.fit(limit)
	if err != nil {
		return nil, err
	}
	set := own.changes(s)
	if len(set) > 0 {
		if err := p.change(s); err != nil {
			return nil, err
		}
	}
	plan, err := p.plan()
	return &Fit{plan, set}, err
}

// fit are the first settings that take at most limit bytes.
func (p *planner) fit(limit int64) (settings, error) {
	least := int64(-1)
	for _, s := range p.ways() {
		m, err := p.memory(s)
		if err != nil {
			return s, err
		}
		if m.Total() <= limit {
			return p.relax(s, limit)
		}
		if total := m.Total(); least < 0 || total < least {
			least = total
		}
	}
	return settings{}, fmt.Errorf("%s: %w: at its smallest the run takes %.0f MB, and the limit lets it plan for %.0f MB", p.j.Recipe.path, ErrMemory, float64(least)/1e6, float64(limit)/1e6)
}

// relax takes back what settings that fit can do without.
func (p *planner) relax(s settings, limit int64) (settings, error) {
	own := p.settings()
	for _, back := range []func(*settings){
		func(s *settings) { s.training.Activations = own.training.Activations },
		func(s *settings) { s.training.Optim = own.training.Optim },
	} {
		less := s
		back(&less)
		m, err := p.memory(less)
		if err != nil {
			return s, err
		}
		if m.Total() <= limit {
			s = less
		}
	}
	return s, nil
}

// ways are the settings to try, in their order.
func (p *planner) ways() []settings {
	own := p.settings()
	var ways []settings
	for _, precision := range p.precisions(own.precision) {
		for _, optim := range slices.Compact([]string{own.training.Optim, train.AdamW8}) {
			s := own
			s.precision, s.training.Optim = precision, optim
			ways = append(ways, s)
			if p.run == nil {
				continue
			}
			batches := p.batches(s.training)
			s.training.Activations = "bf16"
			for i, b := range batches {
				if i == 0 || p.steps.tokens/p.steps.batches/float64(b.parts) >= enoughTokens {
					ways = append(ways, s.with(b))
				}
			}
			s.training.Checkpointing = true
			for _, b := range batches {
				ways = append(ways, s.with(b))
			}
		}
	}
	return ways
}

// precisions are the recipe's own and those below it that make the base smaller.
func (p *planner) precisions(own compute.Precision) []compute.Precision {
	all, least := []compute.Precision{own}, p.frozen(own)
	for _, lower := range []compute.Precision{compute.BF16, compute.Int8, compute.NF4} {
		if bytes := p.frozen(lower); bytes < least {
			all, least = append(all, lower), bytes
		}
	}
	return all
}

// frozen are the bytes of frozen weights in a precision.
func (p *planner) frozen(precision compute.Precision) (bytes int64) {
	for _, q := range p.j.Base.Tree.Params() {
		if !q.Trains() && !q.MappedIn(precision) {
			bytes += q.BytesIn(precision)
		}
	}
	return bytes
}

// parted is a batch of which parts make up the recipe's.
type parted struct{ parts, size int }

// batches are the sizes of batch to try, the recipe's first: parts of it of equal numbers of examples, or halves of its tokens.
func (p *planner) batches(o train.Options) []parted {
	packing := o.Packing()
	var all []parted
	if n := packing.Examples; n > 0 {
		for parts := 1; parts <= n; parts++ {
			if n%parts == 0 {
				all = append(all, parted{parts, n / parts})
			}
		}
		return all
	}
	longest := slices.Max(p.run.Objective.Lengths())
	for parts := 1; packing.Tokens/parts >= longest; parts *= 2 {
		all = append(all, parted{parts, packing.Tokens / parts})
	}
	return all
}

// with are the settings with batches of another size.
func (s settings) with(b parted) settings {
	s.training.Accumulation *= b.parts
	switch {
	case b.parts == 1:
	case s.training.BatchSize > 0:
		s.training.BatchSize = b.size
	default:
		s.training.BatchTokens = b.size
	}
	return s
}

// changes are the keys in which t differs.
func (s settings) changes(t settings) []string {
	var set []string
	for _, c := range []struct{ key, from, to string }{
		{"quantization", s.precision.String(), t.precision.String()},
		{"training.activations", s.training.Activations, t.training.Activations},
		{"training.optim", s.training.Optim, t.training.Optim},
		{"training.gradient_checkpointing", strconv.FormatBool(s.training.Checkpointing), strconv.FormatBool(t.training.Checkpointing)},
		{"training.per_device_train_batch_size", strconv.Itoa(s.training.BatchSize), strconv.Itoa(t.training.BatchSize)},
		{"training.batch_tokens", strconv.Itoa(s.training.BatchTokens), strconv.Itoa(t.training.BatchTokens)},
		{"training.gradient_accumulation_steps", strconv.Itoa(s.training.Accumulation), strconv.Itoa(t.training.Accumulation)},
	} {
		if c.from != c.to {
			set = append(set, c.key+"="+c.to)
		}
	}
	return set
}
