package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"trimtab/tensor"
)

// File is one or many files of tensors behind one name space. It may be read by many
// goroutines at once.
type File struct {
	path     string
	sources  []*source
	entries  map[string]*entry
	metadata map[string]string
	memory   bool // it has no file: nothing is known of it without reading it
}

// source is one file of a File.
type source struct {
	path  string
	data  []byte
	close func() error
	// mapped says that data is a view of the file, which release can let go of.
	mapped bool
}

// Open opens a safetensors or PyTorch file, a shard index (model.safetensors.index.json or the
// like), or a folder that holds one of them.
//
// Of a folder it takes the first of these that exists: model.safetensors,
// model.safetensors.index.json, adapter_model.safetensors, adapter.safetensors,
// pytorch_model.bin, pytorch_model.bin.index.json, adapter_model.bin, pytorch_adapter.bin. Errors wrap fs.ErrNotExist where
// there is nothing, else one of this package's sentinels; they name the file.
func Open(path string) (*File, error) {
	chosen, err := choose(path)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, entries: map[string]*entry{}, metadata: map[string]string{}}
	if strings.HasSuffix(chosen, indexSuffix) {
		err = f.addIndex(chosen)
	} else {
		err = f.addPath(chosen)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// FromBytes reads a safetensors file that lies in memory; name stands for it in errors. The
// bytes must not change while the File is used.
func FromBytes(name string, data []byte) (*File, error) {
	f := &File{path: name, entries: map[string]*entry{}, metadata: map[string]string{}, memory: true}
	if err := f.add(&source{path: name, data: data, close: func() error { return nil }}); err != nil {
		return nil, err
	}
	return f, nil
}

// addPath maps a file and adds its tensors.
func (f *File) addPath(path string) error {
	data, mapped, unmap, err := mapFile(path)
	if err != nil {
		return err
	}
	return f.add(&source{path: path, data: data, close: unmap, mapped: mapped})
}

// add adds a source's tensors to the name space.
func (f *File) add(s *source) error {
	f.sources = append(f.sources, s)
	entries, metadata, err := s.parse()
	if err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	for _, e := range entries {
		if other, twice := f.entries[e.name]; twice {
			return fmt.Errorf("%s: %w: tensor %q is also in %s", s.path, ErrDuplicate, e.name, filepath.Base(other.file.path))
		}
		e.file = s
		f.entries[e.name] = e
	}
	if len(f.sources) == 1 {
		maps.Copy(f.metadata, metadata)
	}
	maps.DeleteFunc(f.metadata, func(key, value string) bool {
		same, ok := metadata[key]
		return !ok || same != value
	})
	return nil
}

// parse finds out what kind of file it is, by its name or else its first bytes.
func (s *source) parse() ([]*entry, map[string]string, error) {
	switch {
	case strings.HasSuffix(s.path, ".safetensors"):
		return parseSafetensors(s.data)
	case bytes.HasPrefix(s.data, []byte("PK\x03\x04")):
		entries, err := parseTorchZip(s.data)
		return entries, nil, err
	case bytes.HasPrefix(s.data, []byte("\x80")):
		entries, err := parseTorchLegacy(s.data)
		return entries, nil, err
	case len(s.data) > 8 && s.data[8] == '{': // a safetensors file of another name
		return parseSafetensors(s.data)
	}
	return nil, nil, fmt.Errorf("%w: neither safetensors nor a PyTorch zip archive or pickle", ErrFormat)
}

// Names lists the tensors' names, sorted.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.entries)) }

// Tensor gives a tensor by its name. Its data is a view of the mapped file, to be read only and
// not after Close; a PyTorch tensor that is not row-major is copied into that order.
func (f *File) Tensor(name string) (*tensor.Tensor, bool) {
	e, ok := f.entries[name]
	if !ok {
		return nil, false
	}
	t := &tensor.Tensor{DType: e.dtype, Shape: slices.Clone(e.shape), Data: e.bytes()}
	if e.file.mapped && e.strides == nil {
		t.Release = e.release
	}
	return t, true
}

// Info gives a tensor's element type and shape without touching its data.
func (f *File) Info(name string) (tensor.DType, tensor.Shape, bool) {
	e, ok := f.entries[name]
	if !ok {
		return tensor.Invalid, nil, false
	}
	return e.dtype, slices.Clone(e.shape), true
}

// Metadata is a copy of what a safetensors file says of itself; of shards, what all of them say.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// Path is the path that Open was given.
func (f *File) Path() string { return f.path }

// Where names the file that holds a tensor, or would, for error messages.
func (f *File) Where(name string) string {
	if e, ok := f.entries[name]; ok {
		return e.file.path
	}
	if len(f.sources) == 1 {
		return f.sources[0].path
	}
	return f.path
}

// Close unmaps the files. Tensors of f and views of them must not be used afterwards.
func (f *File) Close() error {
	var errs []error
	for _, s := range f.sources {
		errs = append(errs, s.close())
	}
	f.sources, f.entries = nil, nil
	return errors.Join(errs...)
}

// release lets go of the memory that holds the tensor's part of a mapped file.
func (e *entry) release() {
	if e.file.mapped {
		release(e.file.data, e.data)
	}
}

// bytes gives a tensor's elements in row-major order.
func (e *entry) bytes() []byte {
	if e.strides == nil {
		return e.data
	}
	n, _ := e.shape.Elements() // checked when the file was opened
	size := e.dtype.Size()
	packed := make([]byte, 0, n*size)
	index := make([]int, len(e.shape))
	for range n {
		at := 0
		for axis, i := range index {
			at += i * e.strides[axis]
		}
		packed = append(packed, e.data[at*size:(at+1)*size]...)
		for axis := len(index) - 1; axis >= 0; axis-- {
			if index[axis]++; index[axis] < e.shape[axis] {
				break
			}
			index[axis] = 0
		}
	}
	return packed
}
