package delta

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"trimtab/checkpoint"
	"trimtab/model"
	"trimtab/tensor"
)

// parsers are the methods, by the key that asks for them and its value.
var parsers = map[string]map[string]func(*fields) (Config, error){}

// register makes a method known. Methods call it from init.
func register(key, value string, parse func(*fields) (Config, error)) {
	if parsers[key] == nil {
		parsers[key] = map[string]func(*fields) (Config, error){}
	}
	parsers[key][value] = parse
}

// Methods lists what [Parse] knows, as "key: value" of the key that asks for it, sorted.
func Methods() []string {
	var names []string
	for key, values := range parsers {
		for value := range values {
			names = append(names, key+": "+value)
		}
	}
	slices.Sort(names)
	return names
}

// Parse reads a configuration, a JSON object: PEFT's (it has peft_type), a folder's of
// AdapterHub (it has config), or a recipe's: one of AdapterHub's methods by name (adapter), or
// a method of this package alone (method). where names it in errors, which wrap [ErrConfig].
func Parse(where string, data []byte) (Config, error) {
	f := newFields(where, data)
	if f.err != nil {
		return nil, f.err
	}
	var asked []string
	for _, key := range []string{"peft_type", "adapter", "method", "config"} {
		if f.has(key) {
			asked = append(asked, key)
		}
	}
	if len(asked) != 1 {
		return nil, fmt.Errorf("%s: %w: found the keys %q, expected one of peft_type, adapter, method, or AdapterHub's config", where, ErrConfig, asked)
	}
	if asked[0] == "config" {
		return parseAdapterHub(f)
	}
	var name string
	f.read(asked[0], &name)
	if f.err != nil {
		return nil, f.err
	}
	parse, ok := parsers[asked[0]][name]
	if !ok {
		var known []string
		for value := range parsers[asked[0]] {
			known = append(known, value)
		}
		slices.Sort(known)
		return nil, fmt.Errorf("%s: %s: %w: %q is not known, only %s", where, asked[0], ErrConfig, name, strings.Join(known, ", "))
	}
	return parse(f)
}

// Open opens the delta in a folder for a base: one of PEFT's, of AdapterHub's, or of this
// package's. A trimtab.json beside it must be of this base, unless forced.
func Open(dir string, base *model.Base, o Options) (*Delta, error) {
	d, err := open(dir, base, o)
	if err != nil {
		return nil, fmt.Errorf("delta %s: %w", dir, err)
	}
	return d, nil
}

func open(dir string, base *model.Base, o Options) (*Delta, error) {
	path := filepath.Join(dir, configFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	config, err := Parse(path, data)
	if err != nil {
		return nil, err
	}
	side, err := ReadSidecar(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := side.check(dir, base, o); err != nil {
		return nil, err
	}
	var path2 string
	names := canonical
	if a, ok := config.(*Bottleneck); ok {
		if err := headless(dir, o); err != nil {
			return nil, err
		}
		path2, err = adapterTensors(dir)
		names = a.canonical
	} else {
		path2, err = peftTensors(dir)
	}
	if err != nil {
		return nil, err
	}
	file, err := checkpoint.Open(path2)
	if err != nil {
		return nil, err
	}
	files := &files{File: file}
	defer files.close()
	if err := files.add(filepath.Join(dir, encoderFile), "prompt_encoder."); err != nil {
		return nil, err
	}
	src, err := newSource(files, base, names)
	if err != nil {
		return nil, err
	}
	d, err := assemble(config, base, o, src)
	if err != nil {
		return nil, err
	}
	d.side = side
	return d, nil
}

// files are a folder's files of tensors: the main one, and one whose names get a prefix.
type files struct {
	*checkpoint.File
	prefix string
	more   *checkpoint.File
}

// add adds a file, if it is there.
func (f *files) add(path, prefix string) error {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var err error
	f.prefix = prefix
	f.more, err = checkpoint.Open(path)
	return err
}

func (f *files) close() {
	f.File.Close()
	if f.more != nil {
		f.more.Close()
	}
}

// Names are those of both.
func (f *files) Names() []string {
	names := f.File.Names()
	if f.more != nil {
		for _, name := range f.more.Names() {
			names = append(names, f.prefix+name)
		}
	}
	return names
}

// Tensor is that of a name.
func (f *files) Tensor(name string) (*tensor.Tensor, bool) {
	if rest, ok := strings.CutPrefix(name, f.prefix); ok && f.more != nil {
		return f.more.Tensor(rest)
	}
	return f.File.Tensor(name)
}

// Where is the file that holds it.
func (f *files) Where(name string) string {
	if rest, ok := strings.CutPrefix(name, f.prefix); ok && f.more != nil {
		return f.more.Where(rest)
	}
	return f.File.Where(name)
}

// tensor is the tensor as a file holds it.
func (t *tensorOf) tensor() *tensor.Tensor {
	return tensor.FromFloat32s(t.parameter.Shape, t.parameter.Data)
}

// folder is what is to be written: a configuration and files of tensors.
type folder struct {
	config   map[string]any
	tensors  map[string]map[string]*tensor.Tensor // by file and name
	metadata map[string]string
	absent   []string // files of an older delta that must not stay
}

// Save writes the delta to a folder, in the format of its method's library, and side, unless it is
// nil, beside it. Each file appears whole or not at all; the configuration comes last.
func (d *Delta) Save(dir string, side *Sidecar) error {
	f, err := d.config.save(d)
	if err != nil {
		return fmt.Errorf("save %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for name, tensors := range f.tensors {
		if err := checkpoint.WriteSafetensors(filepath.Join(dir, name), tensors, f.metadata); err != nil {
			return err
		}
	}
	if side == nil {
		f.absent = append(f.absent, sidecarFile)
	} else if err := side.write(dir); err != nil {
		return err
	}
	for _, name := range f.absent {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return writeJSON(filepath.Join(dir, configFile), f.config)
}

// Saved are the tensors that [Delta.Save] writes to the folder's main file, by their names there.
func (d *Delta) Saved() (map[string]*tensor.Tensor, error) {
	f, err := d.config.save(d)
	if err != nil {
		return nil, err
	}
	if tensors, ok := f.tensors[adapterFile]; ok {
		return tensors, nil
	}
	return f.tensors[peftFile], nil
}

// writeJSON writes a value as Python's json.dumps(indent=2, sort_keys=True) does.
func writeJSON(path string, v any) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return checkpoint.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(text.Bytes())
		return err
	})
}

// orderedObject is a JSON object whose keys keep their order.
type orderedObject []pattern

func ordered(p []pattern) orderedObject { return p }

// MarshalJSON writes the keys in order.
func (o orderedObject) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(p.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(p.value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
