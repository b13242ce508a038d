package cpu

import (
	"testing"
	"time"

	"trimtab/compute"
	"trimtab/compute/cases"
)

// BenchmarkCases times compute's cases: the best time of each, its share of the
// ceiling of multiply-adds, and the memory that it moves a second. Other programs'
// load makes the mean of a shared machine worthless, so the time that the framework
// measures is not the figure. Run it with -benchtime 1x.
func BenchmarkCases(b *testing.B) {
	d, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	ceiling := d.Ceiling(compute.F32, time.Second)
	for _, c := range cases.Bench() {
		b.Run(c.FullName(), func(b *testing.B) { report(b, cases.Time(d, c, false, 400*time.Millisecond), ceiling) })
		if c.Backward != nil {
			b.Run(c.FullName()+"/backward", func(b *testing.B) { report(b, cases.Time(d, c, true, 400*time.Millisecond), ceiling) })
		}
	}
}

func report(b *testing.B, t cases.Timing, ceiling float64) {
	for range b.N {
	}
	s := t.Best.Seconds()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(s*1e3, "best-ms")
	b.ReportMetric(float64(t.Flops())/s/1e9, "GFLOPS")
	b.ReportMetric(100*float64(t.Flops())/s/ceiling, "%ceiling")
	b.ReportMetric(float64(t.Bytes())/s/1e9, "GB/s")
}
