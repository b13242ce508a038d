package model

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"trimtab/checkpoint"
	"trimtab/compute"
	"trimtab/nn"
)

// Options say how a base is opened.
type Options struct {
	// Task is the head; empty for what config.json names.
	Task Task
	// Labels are the classes of a classification head; nil for the config's. A
	// head of other classes than the file's is new.
	Labels []string
	// Seed addresses the chance of a new head.
	Seed uint64
	// Precision is how the frozen weights of the base's linear maps are held; heads and output layers are float32.
	Precision compute.Precision
	// Random takes no tensor from the folder: all begin by chance.
	Random bool
	// Uniform draws what begins by chance from coarse uniform distributions of the same deviations, in a fraction of the time: for measurements.
	Uniform bool
	// Unread reads names and shapes and no element: such a base tells what a run would take, and computes nothing.
	Unread bool
}

// Base is an opened model with where it came from.
type Base struct {
	Model
	// Dir is the folder, Config its config.json, File its tensors (nil if Random).
	Dir    string
	Config *Config
	File   *checkpoint.File
	// Task is the head that it has.
	Task Task
	// Tree holds its sites and tensors.
	Tree *nn.Tree
}

// Open opens the base in a folder: config.json beside safetensors or PyTorch weights.
func Open(dir string, dev compute.Device, o Options) (*Base, error) {
	config, err := ReadConfig(filepath.Join(dir, "config.json"))
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", dir, err)
	}
	if o.Random {
		return build(dir, config, nil, dev, o)
	}
	file, err := checkpoint.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", dir, err)
	}
	base, err := build(dir, config, file, dev, o)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return base, nil
}

// New makes a base from a config and tensors that need no folder: a nil file makes every tensor by chance.
func New(config *Config, file *checkpoint.File, dev compute.Device, o Options) (*Base, error) {
	return build("", config, file, dev, o)
}

func build(dir string, config *Config, file *checkpoint.File, dev compute.Device, o Options) (*Base, error) {
	page, task, err := config.page(o.Task)
	if err != nil {
		return nil, err
	}
	if task == SequenceClassification && config.Labels == nil {
		config.Labels = []string{"LABEL_0", "LABEL_1"} // transformers' default, which it does not write
	}
	newHead := o.Labels != nil && !slices.Equal(o.Labels, config.Labels)
	if o.Labels != nil {
		config.Labels = o.Labels
	}
	var src nn.Source
	if file != nil {
		if src, err = config.source(file); err != nil {
			return nil, err
		}
	}
	var load *nn.Loading
	m, err := page.New(config, task, func(l nn.LoadOptions) *nn.Loading {
		l.Seed, l.Uniform, l.NewHead, l.Precision, l.Unread = o.Seed, o.Uniform, newHead, o.Precision, o.Unread
		load = nn.Load(dev, src, l)
		return load
	})
	if err != nil {
		return nil, err
	}
	tree, err := load.Finish()
	if err != nil {
		return nil, err
	}
	return &Base{Model: m, Dir: dir, Config: config, File: file, Task: task, Tree: tree}, nil
}

// Close lets go of the files. Nothing of the base may be used after it.
func (b *Base) Close() error {
	if b.File == nil {
		return nil
	}
	return b.File.Close()
}

// Fingerprint is the base's fingerprint, of its file's tensors and its config; cache is a folder
// that remembers fingerprints of unchanged files, empty for none.
func (b *Base) Fingerprint(cache string) (string, error) {
	if b.File == nil {
		return "", errors.New("a base made by chance has no fingerprint")
	}
	config, err := b.Config.Canonical()
	if err != nil {
		return "", fmt.Errorf("%s: %w", b.Config.Path, err)
	}
	return b.File.Fingerprint(config, checkpoint.FingerprintOptions{Cache: cache})
}
