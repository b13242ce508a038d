package recipe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	counters "runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"

	"trimtab/compute"
	"trimtab/compute/cpu"
)

// BenchOptions say how workloads are measured. The zero value is the default.
type BenchOptions struct {
	// Threads is how many compute; 0 is one a core.
	Threads int
	// Steps is how many are timed, after one that is not; 0 is 5. Workloads whose steps are short take more.
	Steps int
	// Precision is how frozen weights are held.
	Precision compute.Precision
	// Activations is how the backward's memory of the forward is held: "f32" or "bf16"; "" is f32.
	Activations string
	// BF16 has matrices that train multiplied in bfloat16.
	BF16 bool
	// Batch is how many segments a step has instead of the workload's: its lengths, over and over; 0 is the workload's.
	Batch int
}

// ErrNoBatch is wrapped by the error of a workload that has no batch, and was given the size of one.
var ErrNoBatch = errors.New("has no batch")

// Figures are what was measured of a workload. What it does not have is zero.
type Figures struct {
	// Workload is its name, Device what it ran on, CPU the processor's name as the system tells it; empty where it does not.
	Workload string `json:"workload"`
	Device   string `json:"device"`
	CPU      string `json:"cpu,omitempty"`
	// Quantization is how frozen weights are held.
	Quantization string `json:"quantization"`
	// Activations is how a training step's memory of the forward is held.
	Activations string `json:"activations,omitempty"`
	// Autocast says that matrices that train were multiplied in bfloat16.
	Autocast bool `json:"autocast_bf16,omitempty"`
	// Segments and Tokens are how many a step runs over, TokenRate how many tokens a second.
	Segments  int     `json:"segments,omitempty"`
	Tokens    int     `json:"tokens,omitempty"`
	TokenRate float64 `json:"tokens_per_second,omitempty"`
	// Seconds are the median of a step's times, AllSeconds each step's, the first, which is not counted, among them.
	Seconds    float64   `json:"seconds,omitempty"`
	AllSeconds []float64 `json:"all_seconds,omitempty"`
	// Flops are the multiplications and additions of the step's products as the shape of the model states them
	// (what a program does not need to do counts as done), Rate is 10⁹ of them a second,
	// Share that rate over the ceiling measured in the same run.
	Flops int64   `json:"flops,omitempty"`
	Rate  float64 `json:"gflops,omitempty"`
	Share float64 `json:"share_of_ceiling,omitempty"`
	// SingleCeiling and Ceiling are 10⁹ multiplications and additions of float32 in registers a second, by one thread and by all.
	SingleCeiling float64 `json:"ceiling_gflops_1_thread,omitempty"`
	Ceiling       float64 `json:"ceiling_gflops,omitempty"`
	// SingleInt8 and Int8 are those of the whole numbers that int8's products are of, SingleBF16 and BF16 those of bfloat16, where the processor multiplies it.
	SingleInt8 float64 `json:"ceiling_int8_gops_1_thread,omitempty"`
	Int8       float64 `json:"ceiling_int8_gops,omitempty"`
	SingleBF16 float64 `json:"ceiling_bf16_gflops_1_thread,omitempty"`
	BF16       float64 `json:"ceiling_bf16_gflops,omitempty"`
	// OutsideProducts is the share of the steps' time in which no matrix product ran, AttentionShare the part of it that attention took, whose own
	// products count as attention.
	OutsideProducts float64 `json:"share_outside_products,omitempty"`
	AttentionShare  float64 `json:"share_of_attention,omitempty"`
	// OwnCeiling is the one of them that bounds products with the workload's frozen weights, OwnShare Rate over it, where it is not float32's.
	OwnCeiling float64 `json:"own_ceiling_gops,omitempty"`
	OwnShare   float64 `json:"share_of_own_ceiling,omitempty"`
	// Bandwidth is the 10⁹ bytes a second that y = a + b reads and writes in memory, or that weights are read with.
	Bandwidth float64 `json:"gbytes_per_second,omitempty"`
	// ReadCeiling is the 10⁹ bytes a second that can be read from memory, ReadShare the share of it with which weights are read.
	ReadCeiling float64 `json:"ceiling_read_gbytes_per_second,omitempty"`
	ReadShare   float64 `json:"share_of_read_ceiling,omitempty"`
	// Products are those of the workload of that name.
	Products []ProductFigures `json:"products,omitempty"`
	// PeakBytes is the largest resident memory of the process since the workload began (VmHWM); 0 where the system does not tell.
	PeakBytes int64 `json:"hwm_bytes,omitempty"`
	// Allocations are those on the Go heap in a step.
	Allocations float64 `json:"allocations_per_step"`
}

// measurement is a workload that is being measured.
type measurement struct {
	workload
	BenchOptions
	*Figures
	dev     *watched
	ceiling time.Duration // how long a ceiling is measured
}

// Bench measures one standard workload of this machine, on models whose weights are
// drawn by chance: nothing is read.
func Bench(ctx context.Context, name string, o BenchOptions) (*Figures, error) {
	i := slices.IndexFunc(workloads, func(w workload) bool { return w.name == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no workload %q; there are %s", name, strings.Join(Workloads(true), ", "))
	}
	return bench(ctx, workloads[i], o, time.Second)
}

// bench measures a workload, and before and after it, for so long each time, what bounds it, of which the higher counts: products
// where there is a batch, reading memory where there are only steps.
func bench(ctx context.Context, w workload, o BenchOptions, ceiling time.Duration) (*Figures, error) {
	if o.Batch > 0 {
		if w.lengths == nil {
			return nil, fmt.Errorf("workload %s %w", w.name, ErrNoBatch)
		}
		w.lengths = slices.Repeat(w.lengths, (o.Batch-1)/len(w.lengths)+1)[:o.Batch]
	}
	if o.Steps == 0 {
		o.Steps = 5
	}
	o.Steps *= max(1, w.times)
	dev, err := cpu.New(cpu.Options{Threads: o.Threads})
	if err != nil {
		return nil, err
	}
	f := &Figures{Workload: w.name, Device: dev.Name(), CPU: processor(), Quantization: o.Precision.String()}
	own := dev.Multiplies(o.Precision)
	if w.delta == benchFull { // nothing is frozen
		if own = compute.F32; o.BF16 {
			own = compute.BF16
		}
	}
	bound := func() {
		switch {
		case w.passes > 0:
			f.Ceiling = max(f.Ceiling, dev.Ceiling(compute.F32, ceiling)/1e9)
			if own != compute.F32 {
				f.OwnCeiling = max(f.OwnCeiling, dev.Ceiling(own, ceiling)/1e9)
			}
		case w.model != "":
			f.ReadCeiling = max(f.ReadCeiling, dev.ReadCeiling(ceiling)/1e9)
		}
	}
	bound()
	forgetPeak()
	if err := w.run(ctx, &measurement{w, o, f, &watched{Device: dev}, ceiling}); err != nil {
		return nil, fmt.Errorf("%s: %w", w.name, err)
	}
	f.PeakBytes = peakMemory()
	bound()
	switch {
	case w.lengths != nil:
		f.Share = f.Rate / f.Ceiling
		if f.OwnCeiling > 0 {
			f.OwnShare = f.Rate / f.OwnCeiling
		}
	case w.model != "":
		f.ReadShare = f.Bandwidth / f.ReadCeiling
	}
	return f, nil
}

// processor is the name that the system has for the processor; empty where it tells none.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(text), "model name")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.Trim(line, " \t:")
}

// forgetPeak lets the peak of memory be counted anew, when what is no longer needed has gone back to the system.
func forgetPeak() {
	debug.FreeOSMemory()
	// What the system does not let us reset stays the peak of all workloads so far.
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200)
}

// peakMemory is the process's VmHWM in bytes; 0 where the system does not tell.
func peakMemory() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	words := strings.Fields(rest)
	if len(words) == 0 {
		return 0
	}
	kib, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}

// stopwatch times steps, the first of which is not counted.
type stopwatch struct {
	seconds       []float64
	last          time.Time
	before, after uint64 // allocations up to the second step, up to the end of the last
	samples       [2]counters.Sample
}

// start is the beginning of the first of so many steps and one. What is timed takes no memory from the heap for it.
func (s *stopwatch) start(steps int) {
	s.seconds = make([]float64, 0, 1+steps)
	s.samples[0].Name, s.samples[1].Name = "/gc/heap/allocs:objects", "/gc/heap/tiny/allocs:objects"
	s.mallocs() // what it takes the first time
	s.last = time.Now()
}

// step ends a step.
func (s *stopwatch) step() {
	s.seconds = append(s.seconds, time.Since(s.last).Seconds())
	s.after = s.mallocs()
	if len(s.seconds) == 1 {
		s.before = s.after
	}
	s.last = time.Now()
}

// mallocs counts allocations on the Go heap so far. It stops no thread: one that has to be started again may take memory.
func (s *stopwatch) mallocs() uint64 {
	counters.Read(s.samples[:])
	return s.samples[0].Value.Uint64() + s.samples[1].Value.Uint64()
}

// into fills the figures of steps over so many tokens, whose products are flops.
func (s *stopwatch) into(f *Figures, tokens int, flops int64) {
	counted := s.seconds[1:]
	f.Allocations = float64(s.after-s.before) / float64(len(counted))
	f.AllSeconds = s.seconds
	f.Seconds = median(counted)
	f.Tokens, f.TokenRate = tokens, float64(tokens)/f.Seconds
	f.Flops, f.Rate = flops, float64(flops)/f.Seconds/1e9
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}
