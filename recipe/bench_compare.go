package recipe

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Comparison sets figures against earlier ones of the same run.
type Comparison struct {
	// Missing says what the earlier figures lack: the run itself, or figures of it.
	Missing []string `json:"missing,omitempty"`
	// Differs says what was otherwise when the earlier figures were taken: processor, kernels, threads.
	Differs []string `json:"differs,omitempty"`
	// Ratios are figure by figure.
	Ratios []Ratio `json:"ratios,omitempty"`
}

// Ratio is a figure now and before, and Ratio the one over the other.
type Ratio struct {
	Figure string  `json:"figure"`
	Now    float64 `json:"now"`
	Before float64 `json:"before"`
	Ratio  float64 `json:"ratio"`
}

// ReadFigures reads what `trimtab bench --json` wrote, an object a workload; name is the file's, for errors.
func ReadFigures(name string, r io.Reader) ([]*Figures, error) {
	var all []*Figures
	for d := json.NewDecoder(r); ; {
		f := &Figures{}
		switch err := d.Decode(f); {
		case errors.Is(err, io.EOF) && len(all) > 0:
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("%s: object %d of what bench --json writes: %w", name, len(all)+1, err)
		case f.Workload == "":
			return nil, fmt.Errorf("%s: object %d names no workload: expected what bench --json writes", name, len(all)+1)
		}
		all = append(all, f)
	}
}

// Run is what figures must share to be compared: workload, quantization, activations, how what trains is multiplied, size of the batch.
func (f *Figures) Run() string {
	run := f.Workload + " in " + f.Quantization
	if f.Activations == "bf16" {
		run += ", activations in bf16"
	}
	if f.Autocast {
		run += ", trained in bf16"
	}
	if f.Segments > 0 {
		run += fmt.Sprintf(", %d segments", f.Segments)
	}
	return run
}

// Against compares f with the last of the earlier figures that are of its run.
func (f *Figures) Against(earlier []*Figures) *Comparison {
	c := &Comparison{}
	var before *Figures
	for _, e := range earlier {
		if e.Run() == f.Run() {
			before = e
		}
	}
	if before == nil {
		c.Missing = []string{f.Run()}
		return c
	}
	for _, d := range [][3]string{{"processor", f.CPU, before.CPU}, {"device", f.Device, before.Device}} {
		if d[1] != d[2] {
			c.Differs = append(c.Differs, fmt.Sprintf("the %s was %q", d[0], d[2]))
		}
	}
	was := before.measures()
	for _, m := range f.measures() {
		i := slices.IndexFunc(was, func(r Ratio) bool { return r.Figure == m.Figure })
		if i < 0 {
			c.Missing = append(c.Missing, m.Figure)
			continue
		}
		m.Before = was[i].Now
		m.Ratio = m.Now / m.Before
		c.Ratios = append(c.Ratios, m)
	}
	return c
}

// measures are the figures that are compared: those that were measured and are above 0.
func (f *Figures) measures() []Ratio {
	all := []Ratio{
		{Figure: "step, s", Now: f.Seconds},
		{Figure: "peak memory, bytes", Now: float64(f.PeakBytes)},
		{Figure: "share of the ceiling", Now: f.Share},
		{Figure: "ceiling, GFLOP/s", Now: f.Ceiling},
		{Figure: "share of its own ceiling", Now: f.OwnShare},
		{Figure: "its own ceiling, GOP/s", Now: f.OwnCeiling},
		{Figure: "ceiling of int8, GOP/s", Now: f.Int8},
		{Figure: "ceiling of bf16, GFLOP/s", Now: f.BF16},
		{Figure: "time outside products, share", Now: f.OutsideProducts},
		{Figure: "memory, GB/s", Now: f.Bandwidth},
		{Figure: "ceiling of reading, GB/s", Now: f.ReadCeiling},
	}
	for _, p := range f.Products {
		name := fmt.Sprintf("%d x %d x %d", p.Rows, p.In, p.Out)
		all = append(all, Ratio{Figure: name + ", GFLOP/s", Now: p.Rate}, Ratio{Figure: name + " backward, GFLOP/s", Now: p.BackwardRate})
	}
	return slices.DeleteFunc(all, func(r Ratio) bool { return !(r.Now > 0) })
}
