package recipe_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/internal/near"
	"trimtab/nn"
	"trimtab/recipe"
)

// A run on a quantized base learns, gives the same bits with any number of threads, and opens again as it was.
func TestQuantizedRuns(t *testing.T) {
	for _, p := range compute.Precisions() {
		var want []byte
		for threads := 1; threads <= 2; threads++ {
			r := reviewing(t, asked, "quantization="+p.String(), "training.learning_rate=0.05", "training.max_steps=12")
			dev, err := cpu.New(cpu.Options{Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Train(t.Context(), dev, recipe.TrainOptions{}); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(r.OutputDir, "delta", "adapter_model.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			if want != nil && !bytes.Equal(got, want) {
				t.Errorf("%v: two threads give other bits than one", p)
			}
			want = got
			j, report := reopened(t, r)
			if accuracy := report.Test["accuracy"]; accuracy < 0.9 {
				t.Errorf("%v: accuracy %.2f", p, accuracy)
			}
			held(t, j, p)
		}
	}
}

// held says that the blocks' weights are held in p and others in float32: a table that a float32 file holds, and the output layer that is tied to it, as well.
func held(t *testing.T, j *recipe.Job, p compute.Precision) {
	t.Helper()
	blocks := 0
	for _, l := range linears(j) {
		w, err := l.Weight.Weight()
		if err != nil {
			t.Fatal(err)
		}
		want := compute.F32
		if inBlock(l.Name) {
			want = p
			blocks++
		}
		if w.Precision() != want {
			t.Errorf("%s is held in %v, expected %v", l.Name, w.Precision(), want)
		}
	}
	if blocks != 2*6 {
		t.Errorf("%d maps in blocks, expected 12", blocks)
	}
}

func inBlock(name string) bool { return strings.Contains(name, ".layer.") }

// linears are the linear maps of a job's base.
func linears(j *recipe.Job) []*nn.Linear {
	var all []*nn.Linear
	for _, l := range j.Base.Tree.Layers() {
		if l, ok := l.(*nn.Linear); ok {
			all = append(all, l)
		}
	}
	return all
}

// embeddings are the tables of a job's base.
func embeddings(j *recipe.Job) []*nn.Embedding {
	var all []*nn.Embedding
	for _, l := range j.Base.Tree.Layers() {
		if e, ok := l.(*nn.Embedding); ok {
			all = append(all, e)
		}
	}
	return all
}

// A quantized base answers as one of float32 whose weights are what the quantized ones stand for. In int8 and llm_int8 activations are
// rounded too, and in bf16 where the kernels multiply it: its answers are near.
func TestQuantizedAnswers(t *testing.T) {
	for _, p := range compute.Precisions() {
		r := reviewing(t, asked, "quantization="+p.String())
		quantized, err := r.Open(device(t))
		if err != nil {
			t.Fatal(err)
		}
		defer quantized.Close()
		r.Quantization = "f32"
		plain, err := r.Open(device(t))
		if err != nil {
			t.Fatal(err)
		}
		defer plain.Close()
		to := linears(plain)
		for i, l := range linears(quantized) {
			w, err := l.Weight.Weight()
			if err != nil {
				t.Fatal(err)
			}
			m := compute.NewMat(l.Out, l.In, make([]float32, l.Out*l.In))
			quantized.Device.Unpack(m, w)
			if inBlock(l.Name) {
				if err := to[i].Weight.Set(m.Data); err != nil {
					t.Fatal(err)
				}
			}
		}
		tables := embeddings(plain)
		for i, e := range embeddings(quantized) {
			w, err := e.Weight.Weight()
			if err != nil {
				t.Fatal(err)
			}
			m := compute.NewMat(e.Count, e.Dim, make([]float32, e.Count*e.Dim))
			quantized.Device.Unpack(m, w)
			if err := tables[i].Weight.Set(m.Data); err != nil {
				t.Fatal(err)
			}
		}
		d, s, err := r.Rows(r.Data.Test)
		if err != nil {
			t.Fatal(err)
		}
		got, want := scoresOf(t, quantized, s, d), scoresOf(t, plain, s, d)
		tolerance := float64(near.Exact)
		if quantized.Device.(interface {
			Multiplies(compute.Precision) compute.Precision
		}).Multiplies(p) != compute.F32 {
			tolerance = near.EightBits
		}
		near.Check64(t, p.String(), got, want, tolerance)
	}
}
